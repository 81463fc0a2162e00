import assert from "node:assert/strict";
import { CursorFiles } from "../../src/adapters/cursor_file.ts";
import { GapFiles } from "../../src/adapters/gap_file.ts";
import { QuarantineFolder } from "../../src/adapters/quarantine_folder.ts";
import { acknowledge, firstCursor } from "../../src/core/signals/cursor.ts";
import type { Gap } from "../../src/core/protocol.ts";
import { encodeGaps, makeGap } from "../../src/core/signals/gap_ledger.ts";
import { StalledError, TransientError } from "../../src/errors.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { FaultyFiles } from "../fakes/faulty_files.ts";

const CURSOR = firstCursor({ name: "up", expr: "up", stepMs: 1000 }, 1_763_805_600_000, 0);
const GAP = makeGap({ startMs: 1000, endMs: 3000 }, "source_error", "gone");

const diskFull = () => new TransientError("disk_full", "no space left");

async function withState(work: (stateDir: string) => Promise<void>): Promise<void> {
  const stateDir = `./reports/test/${crypto.randomUUID()}`;
  try {
    await work(stateDir);
  } finally {
    await Deno.remove(stateDir, { recursive: true });
  }
}

const isDamaged = (error: unknown) =>
  error instanceof StalledError && error.code === "state_damaged";

Deno.test("cursors are loaded as they were saved, each query its own", () =>
  withState(async (stateDir) => {
    const cursors = new CursorFiles(systemFiles, stateDir);
    assert.equal(await cursors.load("up"), null);
    await cursors.save(CURSOR);
    const startMs = CURSOR.acknowledgedMs + 5000;
    const moved = acknowledge(CURSOR, { startMs, endMs: startMs + 1000 });
    await cursors.save(moved);
    assert.deepEqual(await new CursorFiles(systemFiles, stateDir).load("up"), moved);
    assert.equal(await cursors.load("down"), null);
    assert.deepEqual([...Deno.readDirSync(`${stateDir}/cursors`)].map(({ name }) => name), [
      "up.json",
    ]);
  }));

Deno.test("a cursor file that is empty, foreign or far too large is damage, not a new beginning", () =>
  withState(async (stateDir) => {
    const cursors = new CursorFiles(systemFiles, stateDir);
    await cursors.save(CURSOR);
    for (const content of ["", "\0\0\0\0", "x".repeat(10_000), JSON.stringify(GAP)]) {
      await Deno.writeTextFile(`${stateDir}/cursors/up.json`, content);
      await assert.rejects(cursors.load("up"), isDamaged);
    }
  }));

Deno.test("gaps beyond the cursor are pending, also after a torn append", () =>
  withState(async (stateDir) => {
    const ledger = new GapFiles(systemFiles, stateDir);
    assert.deepEqual(await ledger.pending("up", 0), []);
    await ledger.append("up", [GAP], []);
    const path = `${stateDir}/gaps/up.jsonl`;
    await Deno.writeTextFile(path, '{"schema":"neuralops.io/gap/v1","star', { append: true });
    assert.deepEqual(await ledger.pending("up", 0), [GAP]);
    const later = { ...GAP, startMs: 4000, endMs: 5000 };
    await ledger.append("up", [later, { ...later, reason: "warning" }], []);
    assert.deepEqual(await ledger.pending("up", 2999), [GAP, later, {
      ...later,
      reason: "warning",
    }]);
    assert.deepEqual((await ledger.pending("up", 3000)).length, 2);
    assert.deepEqual(await ledger.pending("up", 5000), []);
    assert.equal((await Deno.readTextFile(path)).trim().split("\n").length, 3);
  }));

Deno.test("a damaged gap ledger stalls reading and writing", () =>
  withState(async (stateDir) => {
    const ledger = new GapFiles(systemFiles, stateDir);
    await ledger.append("up", [GAP], []);
    await Deno.writeTextFile(`${stateDir}/gaps/up.jsonl`, "garbage\n", { append: true });
    await assert.rejects(ledger.pending("up", 0), isDamaged);
    await assert.rejects(ledger.append("up", [GAP], []), isDamaged);
  }));

Deno.test("the gap ledger is bounded: old lines go, what is open stays", () =>
  withState(async (stateDir) => {
    const ledger = new GapFiles(systemFiles, stateDir);
    const path = `${stateDir}/gaps/up.jsonl`;
    const gapAt = (n: number) =>
      makeGap({ startMs: n * 1000, endMs: n * 1000 }, "warning", `${n} `.padEnd(1000, "x"));
    const open = [gapAt(0), gapAt(7)];
    let most = 0;
    for (let n = 0; n < 3000; n += 100) {
      const found = Array.from({ length: 100 }, (_, index) => gapAt(n + index));
      await ledger.append("up", found, n === 0 ? [] : open);
      most = Math.max(most, (await Deno.stat(path)).size);
      const kept = await ledger.pending("up", -1);
      assert.deepEqual(kept.slice(0, 2), n < 900 ? [gapAt(0), gapAt(1)] : open);
      assert.deepEqual(kept.slice(-100), found);
    }
    assert.ok(most <= 1024 * 1024, `${most} bytes`);
  }));

Deno.test("a ledger of many megabytes, from before it was bounded, is taken over", () =>
  withState(async (stateDir) => {
    const ledger = new GapFiles(systemFiles, stateDir);
    const path = `${stateDir}/gaps/up.jsonl`;
    const lines = Array.from(
      { length: 9000 },
      (_, n) => makeGap({ startMs: n, endMs: n }, "warning", "x".repeat(1000)),
    );
    await Deno.mkdir(`${stateDir}/gaps`, { recursive: true });
    await Deno.writeFile(path, encodeGaps(lines));
    const open = await ledger.pending("up", 8998);
    assert.deepEqual(open, lines.slice(-1));
    await ledger.append("up", [GAP], open);
    assert.ok((await Deno.stat(path)).size < 600_000);
    assert.deepEqual((await ledger.pending("up", 0)).slice(-2), [...open, GAP]);
  }));

for (const [name, error] of [["EIO", undefined], ["ENOSPC", diskFull]] as const) {
  Deno.test(`${name} at each operation of cursor and ledger loses nothing that was acknowledged`, () =>
    withState(async (stateDir) => {
      let tried = 0;
      for (let operation = 1;; operation++) {
        const directory = `${stateDir}/${operation}`;
        await Deno.mkdir(directory, { recursive: true });
        const disk = new FaultyFiles(systemFiles);
        const recorded: Gap[] = [];
        let saved = CURSOR;
        const big = (n: number) => makeGap({ startMs: n, endMs: n }, "warning", "x".repeat(1000));
        const work = async () => {
          const cursors = new CursorFiles(disk.files, directory);
          const ledger = new GapFiles(disk.files, directory);
          for (let n = recorded.length; n < 1300; n += 260) {
            // Cut short by a crash, as it were.
            await Deno.writeTextFile(`${directory}/gaps/up.jsonl`, '{"schema', {
              append: true,
              create: n > 0,
            }).catch(() => {});
            const found = Array.from({ length: 260 }, (_, index) => big(n + index));
            await ledger.append("up", found, recorded);
            recorded.push(...found);
            const startMs = saved.acknowledgedMs + 1000;
            const next = acknowledge(saved, { startMs, endMs: startMs });
            await cursors.save(next);
            saved = next;
          }
        };
        disk.failAt(operation, error);
        const failure = await work().then(() => null, (thrown) => thrown);
        // A new process on a sound disk: everything is there that was said to be.
        const cursors = new CursorFiles(systemFiles, directory);
        const ledger = new GapFiles(systemFiles, directory);
        const cursor = await cursors.load("up");
        assert.ok(saved === CURSOR || cursor!.acknowledgedMs >= saved.acknowledgedMs);
        const kept = new Set((await ledger.pending("up", -1)).map(({ startMs }) => startMs));
        for (const { startMs } of recorded) assert.ok(kept.has(startMs), `${startMs} was lost`);
        if (failure === null) break;
        tried += 1;
        const isOurs = failure instanceof StalledError
          ? failure.code === "state_unwritable"
          : failure instanceof TransientError && failure.code === "disk_full";
        assert.ok(isOurs, String(failure));
        // And it goes on from there.
        saved = cursor ?? CURSOR;
        disk.failAt(Infinity);
        await work();
        await Deno.remove(directory, { recursive: true });
      }
      assert.ok(tried > 15, `${tried} operations`);
    }));
}

Deno.test("quarantine keeps a batch once, and is bounded", () =>
  withState(async (stateDir) => {
    const quarantine = new QuarantineFolder(systemFiles, stateDir);
    const bytes = new TextEncoder().encode("{}");
    assert.equal(await quarantine.keep("up.1.json", bytes), "up.1.json");
    assert.equal(await quarantine.keep("up.1.json", bytes), "up.1.json");
    assert.deepEqual(await Deno.readFile(`${stateDir}/quarantine/up.1.json`), bytes);
    assert.equal(await quarantine.keep("up.2.json", new Uint8Array(2 << 20)), null);
    for (let n = 0; n < 999; n++) {
      await Deno.writeFile(`${stateDir}/quarantine/filler.${n}`, bytes);
    }
    assert.equal(await quarantine.keep("up.3.json", bytes), null);
    assert.equal(await quarantine.keep("up.1.json", bytes), "up.1.json");
  }));
