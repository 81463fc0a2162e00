import assert from "node:assert/strict";
import { CursorFiles } from "../../src/adapters/cursor_file.ts";
import { GapFiles } from "../../src/adapters/gap_file.ts";
import { QuarantineFolder } from "../../src/adapters/quarantine_folder.ts";
import { acknowledge, firstCursor } from "../../src/core/signals/cursor.ts";
import { makeGap } from "../../src/core/signals/gap_ledger.ts";
import { StalledError } from "../../src/errors.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";

const CURSOR = firstCursor({ name: "up", expr: "up", stepMs: 1000 }, 1_763_805_600_000, 0);
const GAP = makeGap({ startMs: 1000, endMs: 3000 }, "source_error", "gone");

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
