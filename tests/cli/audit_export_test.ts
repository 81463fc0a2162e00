import assert from "node:assert/strict";
import { runAuditExport } from "../../src/cli/audit_export.ts";
import { runVerifyProof } from "../../src/cli/audit_verify_proof.ts";
import { type AuditFixture, createAuditFixture, createEntry } from "../fakes/audit.ts";
import { Terminal } from "../fakes/audit_terminal.ts";

const DAY_MS = 86_400_000;
const FIRST_DAY_MS = Date.parse("2026-11-22T00:00:00Z");

async function writeDays(fixture: AuditFixture, days = 4): Promise<void> {
  const log = await fixture.open();
  for (let day = 0; day < days; day++) {
    for (let index = 0; index < 3; index++) await log.record(createEntry(index));
    fixture.clock.advance(DAY_MS);
  }
  await log.rotate();
  const { note } = await log.checkpoint();
  await Deno.writeTextFile(`${fixture.directory}/latest.checkpoint`, note);
  await log.close();
}

async function exportPeriod(
  fixture: AuditFixture,
  period: { since?: number; until?: number } = {},
): Promise<{ folder: string; output: string }> {
  const folder = `${fixture.directory}/../export-${crypto.randomUUID()}`;
  const terminal = new Terminal();
  const source = { directory: fixture.directory };
  await runAuditExport({ source, folder, output: "text", ...period }, terminal.io);
  return { folder, output: terminal.output };
}

async function check(folder: string): Promise<{ code: number; output: string }> {
  const terminal = new Terminal();
  const publicKey = `${folder}/public-key.pem`;
  const code = await runVerifyProof({ path: folder, publicKey, output: "text" }, terminal.io);
  return { code, output: terminal.output };
}

const linesOf = async (folder: string) =>
  (await Deno.readTextFile(`${folder}/records.jsonl`)).trimEnd().split("\n");

Deno.test("audit export holds exactly the records of the period, and verifies offline", async () => {
  await using fixture = await createAuditFixture();
  await writeDays(fixture);
  const dayAt = (day: number) => FIRST_DAY_MS + day * DAY_MS;
  const periods = [
    {},
    { since: dayAt(1), until: dayAt(2) },
    { since: dayAt(2) },
    { until: dayAt(1) },
    { since: dayAt(0), until: dayAt(9) },
  ];
  for (const period of periods) {
    const { folder } = await exportPeriod(fixture, period);
    const { since = -Infinity, until = Infinity } = period;
    const times = (await linesOf(folder)).map((line) => JSON.parse(line).timeMs as number);
    assert.ok(times.every((timeMs) => timeMs >= since && timeMs < until));
    const { code, output } = await check(folder);
    assert.equal(code, 0, output);
    assert.match(output, /^export ok: records \d+ to \d+ of the 21/);
    assert.match(await Deno.readTextFile(`${folder}/README.md`), /To verify/);
  }
  await assert.rejects(exportPeriod(fixture, { since: dayAt(20) }), { code: "not_found" });
});

Deno.test("audit export is refused when anything in it was changed, dropped or added", async () => {
  await using fixture = await createAuditFixture();
  await writeDays(fixture);
  const period = { since: FIRST_DAY_MS + DAY_MS, until: FIRST_DAY_MS + 2 * DAY_MS };
  const { folder } = await exportPeriod(fixture, period);
  const records = `${folder}/records.jsonl`;
  const lines = await linesOf(folder);
  const spoil = async (changed: readonly string[], expected: RegExp) => {
    await Deno.writeTextFile(records, changed.map((line) => `${line}\n`).join(""));
    const { code, output } = await check(folder);
    assert.equal(code, 1, output);
    assert.match(output, expected);
  };
  for (const at of lines.keys()) {
    await spoil(lines.toSpliced(at, 1), /expected record|expected \d+ records/);
    await spoil(lines.toSpliced(at, 0, lines[at]!), /expected record/);
  }
  await spoil(lines.with(2, lines[2]!.replace("e-0", "e-1")), /does not match its hash/);
  await spoil([], /expected 5 records, found 0/);
  await Deno.writeTextFile(records, lines.join("\n"));
  assert.match((await check(folder)).output, /line feed/);
  await Deno.writeTextFile(records, lines.map((line) => `${line}\n`).join(""));
  const path = `${folder}/proof.json`;
  const proof = JSON.parse(await Deno.readTextFile(path));
  const changes: [object, RegExp][] = [
    [{ before: proof.before.slice(1) }, /hashes before/],
    [{ after: [] }, /hashes after/],
    [{ firstSequence: proof.firstSequence + 1 }, /expected record|hashes before/],
    [{ records: proof.records - 1 }, /expected 4 records, found 5/],
    [{ before: proof.after.slice(0, proof.before.length) }, /not those of the log|hashes/],
  ];
  for (const [change, expected] of changes) {
    await Deno.writeTextFile(path, JSON.stringify({ ...proof, ...change }));
    assert.match((await check(folder)).output, expected);
  }
});

Deno.test("audit export keeps what a clock that was set back put between two days", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  await log.record(createEntry(1));
  fixture.clock.advance(DAY_MS);
  await log.record(createEntry(2));
  fixture.clock.step(-DAY_MS);
  await log.record(createEntry(3));
  await Deno.writeTextFile(
    `${fixture.directory}/latest.checkpoint`,
    (await log.checkpoint()).note,
  );
  await log.close();
  const { folder } = await exportPeriod(fixture, { until: FIRST_DAY_MS + DAY_MS });
  const subjects = (await linesOf(folder)).map((line) => JSON.parse(line).subject);
  assert.ok(["e-1", "e-2", "e-3"].every((subject) => subjects.includes(subject)));
  assert.equal((await check(folder)).code, 0);
});

Deno.test("audit export refuses a folder that holds something", async () => {
  await using fixture = await createAuditFixture();
  await writeDays(fixture, 1);
  const source = { directory: fixture.directory };
  const options = { source, folder: fixture.directory, output: "text" as const };
  await assert.rejects(runAuditExport(options, new Terminal().io), /is not empty/);
});
