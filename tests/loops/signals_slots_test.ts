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

Deno.test("Slots lets fresh data go before history, which never has more than half of them", async () => {
  const slots = new Slots(2);
  const history = slots.forHistory();
  const order: string[] = [];
  const ends: (() => void)[] = [];
  const enter = (name: string, from: Slots) =>
    from.use(() => {
      order.push(name);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
  const settle = async () => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  const all = [enter("h1", history), enter("h2", history)];
  await settle();
  assert.deepEqual(order, ["h1"], "one of two is left for fresh data");
  all.push(enter("f1", slots), enter("f2", slots));
  await settle();
  assert.deepEqual(order, ["h1", "f1"]);
  ends[0]!();
  await settle();
  assert.deepEqual(order, ["h1", "f1", "f2"], "h2 came earlier, and waits");
  ends[1]!();
  await settle();
  assert.deepEqual(order, ["h1", "f1", "f2", "h2"]);
  ends.splice(0).forEach((end) => end());
  await Promise.all(all);
});
