/** Kills the process at every write of each change of a journal; the next process finds all or nothing of it. */
import assert from "node:assert/strict";
import { FileJournal } from "../../src/adapters/journal_file.ts";
import type { ExecutionRecord } from "../../src/core/execution.ts";
import type { StreamHead } from "../../src/core/stream_head.ts";
import type { Journal } from "../../src/execution/journal.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { type FileTarget, openFileTarget } from "../contract/journal/file_target.ts";
import {
  createSettled,
  NOW_MS,
  pack,
  preimagesOf,
  recordOf,
  settled,
} from "../contract/journal/records.ts";
import { CrashSwitch, type Fault } from "../fakes/crash_switch.ts";

const STREAM = "incidents";
const LONG_AGO = { receivedAtMs: 1000, sinceMs: 2000, expiresAtMs: 3000 };
const NEVER = { ...recordOf(pack("one")), version: "" };

interface Found {
  readonly journal: Journal;
  readonly record: ExecutionRecord | null;
  readonly head: StreamHead | undefined;
  /** Whether it is among what is left to do. */
  readonly isOpen: boolean;
}

interface Change {
  /** Before it begins. */
  prepare(target: FileTarget): Promise<ExecutionRecord>;
  act(journal: Journal, before: ExecutionRecord): Promise<unknown>;
  /** What must hold wherever it was cut short. */
  check(found: Found, before: ExecutionRecord): Promise<void> | void;
  /** Whether the whole of it is there. */
  isDone(found: Found, before: ExecutionRecord): boolean;
}

const again = { ...pack("one"), bundles: [{ second: true }] };

const CHANGES: Record<string, Change> = {
  "a new record": {
    prepare: () => Promise.resolve(NEVER),
    act: (journal, record) => journal.create(record, pack("one")),
    async check({ journal, record, head }) {
      if (record) assert.deepEqual(await journal.package(record.id), pack("one"));
      if (record) assert.deepEqual(head, { sequence: 1, id: record.id });
      if (head) assert.equal(head.id, NEVER.id, "it can be sent again");
    },
    isDone: ({ record, isOpen }) => record !== null && isOpen,
  },
  "an end that is told of": {
    async prepare({ journal }) {
      const record = await journal.create(NEVER, pack("one"));
      return (await journal.replace({ ...record!, state: "cancelled" }));
    },
    act: (journal, before) => journal.replace(settled(before)),
    check({ record, isOpen }, before) {
      assert.equal(record?.state, "cancelled");
      assert.equal(isOpen, record!.version === before.version, "either before or after");
    },
    isDone: ({ isOpen }) => !isOpen,
  },
  "a refused package that is taken up again": {
    prepare: (target) => createSettled(target, "one", { state: "refused" }),
    act: (journal, { version }) =>
      journal.replace(
        { ...recordOf(again, { receivedAtMs: NOW_MS + 9, sequence: 2 }), version },
        again,
      ),
    async check({ journal, record, head, isOpen }, before) {
      assert.equal(isOpen, record!.state === "accepted");
      assert.ok(isOpen || record!.version === before.version);
      if (isOpen) assert.deepEqual(await journal.package(record!.id), again);
      if (isOpen) assert.deepEqual(head, { sequence: 2, id: record!.id });
    },
    isDone: ({ isOpen }) => isOpen,
  },
  "what is pruned": {
    async prepare(target) {
      const record = await createSettled(target, "one", LONG_AGO);
      await target.journal.savePreimages(record.id, preimagesOf(1, 10));
      return record;
    },
    act: (journal) =>
      journal.prune({
        endedBeforeMs: 5000,
        nowMs: 5000,
        limit: 10,
        beforeRemoval: () => Promise.resolve(),
      }),
    check({ record, head }) {
      assert.equal(head?.sequence, 1);
      if (!record) assert.equal(head.id, "", "it can not be sent again");
    },
    isDone: ({ record }) => record === null,
  },
};

async function look(target: FileTarget, id: string): Promise<Found> {
  const { journal, open, heads } = await target.reopen();
  const record = await journal.find(id);
  const { records, hasMore } = await journal.list({ limit: 10 });
  assert.equal(hasMore, false);
  assert.deepEqual(records, record ? [record] : [], "listed once, and only if it is there");
  return { journal, record, head: heads.get(STREAM), isOpen: open.some((one) => one.id === id) };
}

/** Files of the execution by folder, without the heads. */
function filesIn(directory: string): string[] {
  return ["open", "ended", "packages", "preimages"].flatMap((folder) =>
    [...Deno.readDirSync(`${directory}/${folder}`)].map(({ name }) => `${folder}/${name}`)
  );
}

/** Returns what the fatal step was; null when the change was over before it. */
async function killAt(change: Change, step: number, fault: Fault): Promise<string | null> {
  await using target = await openFileTarget();
  const before = await change.prepare(target);
  const crash = new CrashSwitch(step, fault);
  const journal = new FileJournal(crash.files(systemFiles), target.directory, target.key);
  await journal.open();
  await change.act(journal, before).catch((error) => {
    if (!crash.isDead) throw error;
  });
  if (!crash.isDead) return null;
  try {
    const found = await look(target, before.id);
    await change.check(found, before);
    if (!change.isDone(found, before)) await change.act(found.journal, found.record ?? before);
    const after = await look(target, before.id);
    await change.check(after, before);
    assert.ok(change.isDone(after, before));
    // The next turn of pruning takes away what the crash left; nothing here is old enough to go itself.
    await after.journal.prune({
      endedBeforeMs: 5000,
      nowMs: 5000,
      limit: 10,
      beforeRemoval: () => Promise.resolve(),
    });
    const { record, isOpen } = await look(target, before.id);
    const name = `${before.id}.json`;
    const wanted = record ? [`${isOpen ? "open" : "ended"}/${name}`, `packages/${name}`] : [];
    assert.deepEqual(filesIn(target.directory), wanted);
  } catch (error) {
    throw new Error(`killed at ${crash.steps.at(-1)}, ${fault}`, { cause: error });
  }
  return crash.steps.at(-1)!;
}

for (const [what, change] of Object.entries(CHANGES)) {
  Deno.test(`a crash at any write leaves all or nothing of ${what}`, async () => {
    for (const fault of ["torn", "after"] as const) {
      const hits: string[] = [];
      for (let step = 1;; step += 1) {
        const hit = await killAt(change, step, fault);
        if (hit === null) break;
        hits.push(hit);
      }
      assert.ok(hits.length >= 3, `${hits}`);
    }
  });
}

Deno.test("a package whose record was never made is gone after the next turn of pruning", async () => {
  await using target = await openFileTarget();
  const crash = new CrashSwitch(2);
  const journal = new FileJournal(crash.files(systemFiles), target.directory, target.key);
  await journal.open();
  await assert.rejects(journal.create(NEVER, pack("one")));
  assert.deepEqual(filesIn(target.directory), [`packages/${NEVER.id}.json`]);
  const next = await target.reopen();
  await next.journal.prune({
    endedBeforeMs: 0,
    nowMs: 0,
    limit: 10,
    beforeRemoval: () => Promise.resolve(),
  });
  assert.deepEqual(filesIn(target.directory), []);
});
