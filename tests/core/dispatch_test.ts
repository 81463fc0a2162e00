import assert from "node:assert/strict";
import fc from "fast-check";
import { claimOf, overlaps } from "../../src/core/claim.ts";
import { dispatch, type OpenWork } from "../../src/core/dispatch.ts";
import { hasBegun } from "../../src/core/execution.ts";

const SLOTS = { planning: 2, writing: 2 };
const map = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name });

function work(id: string, objects: string, parts: Partial<OpenWork> = {}): OpenWork {
  return {
    id,
    state: "approved",
    claim: claimOf(id, [...objects].map(map)),
    running: null,
    isResting: false,
    ...parts,
  };
}

Deno.test("dispatch lets those go that do not overlap, oldest first, as far as there are slots", () => {
  const open = [work("1", "a"), work("2", "a"), work("3", "b"), work("4", "c")];
  assert.deepEqual(dispatch(open, SLOTS), { plan: [], write: ["1", "3"] });
});

Deno.test("dispatch takes up first what a crash interrupted", () => {
  const open = [
    work("1", "a"),
    work("2", "b", { state: "applying" }),
    work("3", "c", { state: "rolling_back" }),
  ];
  assert.deepEqual(dispatch(open, SLOTS).write, ["2", "3"]);
});

Deno.test("dispatch lets nobody overtake within an overlap, not even one that rests", () => {
  for (const state of ["accepted", "approved", "applying", "rolling_back"] as const) {
    const open = [work("1", "ab", { state, isResting: true }), work("2", "bc"), work("3", "d")];
    assert.deepEqual(dispatch(open, SLOTS).write, ["3"], state);
  }
});

Deno.test("dispatch waits for nobody who waits for a person", () => {
  const open = [work("1", "a", { state: "pending_approval" }), work("2", "a")];
  assert.deepEqual(dispatch(open, SLOTS).write, ["2"]);
});

Deno.test("dispatch plans what cannot be carried out yet", () => {
  const open = [
    work("1", "a", { state: "applying", running: "writing" }),
    work("2", "a", { state: "accepted" }),
    work("3", "b", { state: "accepted" }),
    work("4", "c", { state: "accepted" }),
    work("5", "d", { state: "accepted" }),
  ];
  assert.deepEqual(dispatch(open, SLOTS), { plan: ["2", "4"], write: ["3"] });
});

const STATES = ["accepted", "pending_approval", "approved", "applying", "rolling_back"] as const;
const anyOpen = fc.array(
  fc.record({
    objects: fc.string({ unit: fc.constantFrom("a", "b", "c", "d"), minLength: 1, maxLength: 2 }),
    state: fc.constantFrom(...STATES),
    running: fc.constantFrom(null, "planning" as const),
    isResting: fc.boolean(),
  }),
  { maxLength: 8 },
).map((all) => all.map(({ objects, ...parts }, index) => work(String(index), objects, parts)));

Deno.test("dispatch never begins two that overlap, nor one before an older one, nor beyond its slots", () => {
  fc.assert(fc.property(anyOpen, (open) => {
    const { plan, write } = dispatch(open, SLOTS);
    assert.ok(write.length <= SLOTS.writing && plan.length <= SLOTS.planning);
    for (const id of write) {
      const own = open.find((one) => one.id === id)!;
      assert.ok(!own.isResting && own.running === null && own.state !== "pending_approval");
      for (const other of open) {
        if (other === own || !overlaps(own.claim, other.claim)) continue;
        assert.ok(!write.includes(other.id), `${id} and ${other.id} overlap`);
        const isOlder = open.indexOf(other) < open.indexOf(own);
        const waits = other.state === "accepted" || other.state === "approved";
        assert.ok(hasBegun(own.state) || !(isOlder && waits), `${id} overtakes ${other.id}`);
      }
    }
    const isIdle = open.every(({ running, isResting }) => running === null && !isResting);
    const hasWork = open.some(({ state }) => state !== "pending_approval");
    if (isIdle && hasWork) assert.ok(write.length > 0, "somebody can always go on");
  }));
});
