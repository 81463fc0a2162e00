import assert from "node:assert/strict";
import type { ExecutionRecord } from "../../../src/core/execution.ts";
import { journalOn, PACK, sealedRecord, settledFrom } from "../../fakes/kubernetes_journal.ts";
import { EVERYTHING, refuses, secretsOf, withJournal } from "./journal_fixture.ts";

Deno.test("a settled execution leaves the open ones, and is found, listed and pruned", () =>
  withJournal(async (fixture, { journal, key }) => {
    const stored: ExecutionRecord[] = [];
    for (const sequence of [1, 2, 3, 4, 5]) {
      stored.push((await journal.create(await sealedRecord(key, { sequence }), PACK))!);
    }
    for (const record of stored.slice(0, 4)) await journal.replace(await settledFrom(record, key));
    const second = journalOn(fixture.api);
    const { open } = await second.journal.open();
    assert.deepEqual(open.map(({ id }) => id), [stored[4]!.id]);
    const page = await second.journal.list({ limit: 2, state: "succeeded" });
    assert.deepEqual(page.records.map(({ sequence }) => sequence), [4, 3]);
    assert.equal(page.hasMore, true);
    const all = await second.journal.list({ limit: 5 });
    assert.deepEqual(all.records.map(({ sequence }) => sequence), [5, 4, 3, 2, 1]);
    assert.equal(all.hasMore, false);
    const nothing = () => Promise.resolve();
    const later = {
      endedBeforeMs: 1_790_000_000_001,
      nowMs: 1_790_000_600_000,
      limit: 3,
      beforeRemoval: nothing,
    };
    assert.equal(await second.journal.prune(later), 3);
    assert.equal(await second.journal.prune(later), 1);
    assert.equal(await second.journal.find(stored[0]!.id), null);
    assert.equal(secretsOf(fixture, "package").length, 1);
    const { heads } = await journalOn(fixture.api).journal.open();
    assert.deepEqual(heads, new Map([["shop", { sequence: 5, id: stored[4]!.id }]]));
  }));

Deno.test("the head stays when the execution that made it is pruned", () =>
  withJournal(async ({ api }, { journal, key }) => {
    const stored = (await journal.create(await sealedRecord(key, { sequence: 8 }), PACK))!;
    await journal.replace(await settledFrom(stored, key));
    assert.equal(await journal.prune(EVERYTHING), 1);
    const { heads } = await journalOn(api).journal.open();
    assert.deepEqual(heads, new Map([["shop", { sequence: 8, id: "" }]]));
  }));

Deno.test("a head that another moved further refuses what is not newer", () =>
  withJournal(async ({ api }, { journal, key }) => {
    const other = journalOn(api);
    await other.journal.open();
    await other.journal.create(await sealedRecord(other.key, { sequence: 6 }), PACK);
    await refuses(
      journal.create(await sealedRecord(key, { sequence: 5 }), PACK),
      "sequence_not_newer",
    );
    assert.ok(await journal.create(await sealedRecord(key, { sequence: 7 }), PACK));
  }));

Deno.test("opening a journal costs the same however many executions have ended", () =>
  withJournal(async ({ kubernetes, api }, { journal, key }) => {
    const requests = async () => {
      const before = [...kubernetes.requests.values()].reduce((sum, count) => sum + count, 0);
      await journalOn(api).journal.open();
      return [...kubernetes.requests.values()].reduce((sum, count) => sum + count, 0) - before;
    };
    const settle = async (sequence: number) => {
      const stored = (await journal.create(await sealedRecord(key, { sequence }), PACK))!;
      await journal.replace(await settledFrom(stored, key));
    };
    await settle(1);
    const few = await requests();
    for (let sequence = 2; sequence <= 20; sequence += 1) await settle(sequence);
    assert.equal(await requests(), few);
  }));
