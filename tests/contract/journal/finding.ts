/** What a start reads, and what a list shows. */
import assert from "node:assert/strict";
import type { ExecutionState } from "../../../src/core/protocol.ts";
import type { ContractTest } from "../contract.ts";
import { contentOf, create, createSettled, NOW_MS, settled } from "./records.ts";
import type { JournalTarget } from "./target.ts";

const MINUTE_MS = 60_000;

/** Twelve records of many states, written in an order that says nothing about when they came. */
async function fill(target: JournalTarget): Promise<string[]> {
  const ids: string[] = [];
  const states: ExecutionState[] = ["succeeded", "refused", "accepted", "failed"];
  for (const index of [5, 0, 11, 3, 8, 1, 10, 2, 7, 4, 9, 6]) {
    const state = states[index % 4]!;
    // Two of a millisecond, and some a day apart.
    const receivedAtMs = NOW_MS + Math.floor(index / 2) * 400 * MINUTE_MS;
    const make = state === "accepted" ? create : createSettled;
    const { id } = await make(target, `package ${index}`, {
      state,
      receivedAtMs,
      sequence: index + 1,
    });
    ids[index] = id;
  }
  for (let index = 0; index < 12; index += 2) {
    const [a, b] = ids.slice(index, index + 2).sort();
    ids.splice(index, 2, a!, b!);
  }
  return ids.reverse();
}

export const FINDING: readonly ContractTest<JournalTarget>[] = [
  {
    name: "journal opens with exactly what is not settled",
    async run(target) {
      const open = await create(target, "open");
      const ended = await create(target, "ended", { state: "refused" });
      const gone = await createSettled(target, "settled");
      const late = await create(target, "late");
      const told = await target.journal.replace(settled({ ...late, state: "expired" }));
      const found = await target.reopen();
      assert.deepEqual(
        found.open.map(({ id }) => id).sort(),
        [open.id, ended.id].sort(),
      );
      // To open a shared journal may count its versions up.
      const same = found.open.find(({ id }) => id === open.id);
      assert.deepEqual(contentOf(same ?? null), contentOf(open));
      for (const record of [gone, told]) {
        assert.deepEqual(await found.journal.find(record.id), record);
      }
    },
  },
  {
    name: "journal takes a stream's head up with what is accepted, and never down",
    async run(target) {
      const five = await create(target, "five", { stream: "s", sequence: 5 });
      await create(target, "nine", { stream: "s", sequence: 9, state: "refused" });
      await create(target, "three", { stream: "s", sequence: 3 });
      const other = await createSettled(target, "other", { stream: "t", sequence: 2 });
      await target.journal.replace(settled({ ...five, state: "refused" }));
      const { heads } = await target.reopen();
      assert.deepEqual(
        [...heads].sort(),
        [["s", { sequence: 5, id: five.id }], ["t", { sequence: 2, id: other.id }]],
      );
    },
  },
  {
    name:
      "journal lists the newest first, no more than it is asked for, and says whether there are more",
    async run(target) {
      assert.deepEqual(await target.journal.list({ limit: 5 }), { records: [], hasMore: false });
      const ids = await fill(target);
      for (const { journal } of [target, await target.reopen()]) {
        for (const limit of [1, 5, 11, 12, 100]) {
          const { records, hasMore } = await journal.list({ limit });
          assert.deepEqual(records.map(({ id }) => id), ids.slice(0, limit), `limit ${limit}`);
          assert.equal(hasMore, limit < 12, `limit ${limit}`);
        }
      }
    },
  },
  {
    name: "journal lists those of one state",
    async run(target) {
      const ids = await fill(target);
      const all = (await target.journal.list({ limit: 12 })).records;
      for (const state of ["succeeded", "refused", "accepted", "failed"] as const) {
        const wanted = all.filter((record) => record.state === state);
        assert.equal(wanted.length, 3);
        assert.deepEqual(await target.journal.list({ limit: 3, state }), {
          records: wanted,
          hasMore: false,
        });
        const { records, hasMore } = await target.journal.list({ limit: 2, state });
        assert.deepEqual([records, hasMore], [wanted.slice(0, 2), true]);
      }
      assert.deepEqual(await target.journal.list({ limit: 12, state: "expired" }), {
        records: [],
        hasMore: false,
      });
      assert.equal(new Set(ids).size, 12);
    },
  },
];
