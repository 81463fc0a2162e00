/** What may go, what must stay, and what stays for ever. */
import assert from "node:assert/strict";
import type { ContractTest } from "../contract.ts";
import { contentOf, create, createSettled, NOW_MS, preimagesOf } from "./records.ts";
import type { JournalTarget } from "./target.ts";

const DAY_MS = 86_400_000;
const LONG_AGO = {
  receivedAtMs: NOW_MS - 100 * DAY_MS,
  sinceMs: NOW_MS - 100 * DAY_MS,
  expiresAtMs: NOW_MS - 99 * DAY_MS,
};
const WHEN = { endedBeforeMs: NOW_MS - 90 * DAY_MS, nowMs: NOW_MS };
const nothing = () => Promise.resolve();

export const PRUNING: readonly ContractTest<JournalTarget>[] = [
  {
    name: "journal prunes what has ended long ago and expired, with all that belongs to it",
    async run(target) {
      const { id } = await createSettled(target, "old", { ...LONG_AGO, stream: "s", sequence: 4 });
      await target.journal.savePreimages(id, preimagesOf(2, 10));
      const told: string[][] = [];
      const count = await target.journal.prune({
        ...WHEN,
        limit: 10,
        async beforeRemoval(ids) {
          assert.notEqual(await target.journal.find(id), null, "still there");
          told.push([...ids]);
        },
      });
      assert.deepEqual([count, told], [1, [[id]]]);
      const { journal, heads } = await target.reopen();
      for (const one of [target.journal, journal]) {
        assert.equal(await one.find(id), null);
        assert.deepEqual((await one.list({ limit: 10 })).records, []);
        await assert.rejects(one.package(id), { code: "state_damaged" });
        await assert.rejects(one.preimages(id), { code: "state_damaged" });
      }
      // The sequence is used up for ever, for this package as well.
      assert.deepEqual(heads.get("s"), { sequence: 4, id: "" });
    },
  },
  {
    name: "journal prunes nothing that is open, young, still valid, or not told of",
    async run(target) {
      const kept = [
        await create(target, "open", LONG_AGO),
        await create(target, "not told of", { ...LONG_AGO, state: "refused" }),
        await createSettled(target, "ended late", { ...LONG_AGO, sinceMs: NOW_MS - DAY_MS }),
        await createSettled(target, "young"),
        await createSettled(target, "still valid", { ...LONG_AGO, expiresAtMs: NOW_MS + 1 }),
      ];
      assert.equal(await target.journal.prune({ ...WHEN, limit: 10, beforeRemoval: nothing }), 0);
      const { journal } = await target.reopen();
      for (const record of kept) {
        assert.deepEqual(contentOf(await journal.find(record.id)), contentOf(record));
        await journal.package(record.id);
      }
    },
  },
  {
    name: "journal prunes the oldest first, and no more at once than it is asked to",
    async run(target) {
      const records = [];
      for (const index of [2, 0, 3, 1]) {
        const receivedAtMs = LONG_AGO.receivedAtMs + index * 100_000;
        records[index] = await createSettled(target, `old ${index}`, { ...LONG_AGO, receivedAtMs });
      }
      const prune = () => target.journal.prune({ ...WHEN, limit: 3, beforeRemoval: nothing });
      assert.equal(await prune(), 3);
      const { journal } = await target.reopen();
      assert.deepEqual((await journal.list({ limit: 10 })).records, [records[3]]);
      assert.equal(await prune(), 1);
      assert.equal(await prune(), 0);
      assert.deepEqual((await target.journal.list({ limit: 10 })).records, []);
    },
  },
];
