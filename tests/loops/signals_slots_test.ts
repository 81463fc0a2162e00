import assert from "node:assert/strict";
import { Slots } from "../../src/loops/signals_slots.ts";

Deno.test("Slots lets so many in at a time, in the order they came, and survives failures", async () => {
  const slots = new Slots(2);
  const order: number[] = [];
  let inside = 0;
  let most = 0;
  const outcomes = await Promise.allSettled([0, 1, 2, 3, 4, 5].map((n) =>
    slots.use(async () => {
      order.push(n);
      most = Math.max(most, ++inside);
      await Promise.resolve();
      inside -= 1;
      if (n % 2 === 1) throw new Error("failed");
      return n;
    })
  ));
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5]);
  assert.equal(most, 2);
  assert.equal(outcomes.filter(({ status }) => status === "rejected").length, 3);
  assert.equal(await slots.use(() => Promise.resolve("free again")), "free again");
});
