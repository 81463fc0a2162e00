import assert from "node:assert/strict";
import { runAuditTail } from "../../src/cli/audit_tail.ts";
import { createAuditFixture, createEntry } from "../fakes/audit.ts";
import { Terminal } from "../fakes/audit_terminal.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

const DAY_MS = 86_400_000;

Deno.test("audit tail follows the log across days and segments, and ends when asked to", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open(undefined, 2000);
  await log.record(createEntry(0));
  const clock = new FakeClock();
  const terminal = new Terminal();
  const abort = new AbortController();
  const options = {
    directory: fixture.directory,
    follow: true,
    lines: 10,
    json: true,
    type: "execution.*",
  };
  const tail = runAuditTail(options, { ...terminal.io, clock }, abort.signal);
  await clock.whenSleeping();
  for (let index = 1; index <= 40; index++) {
    await log.record(createEntry(index));
    if (index % 10 === 0) {
      fixture.clock.advance(DAY_MS);
      await clock.whenSleeping();
      clock.advance(500);
    }
  }
  await clock.whenSleeping();
  clock.advance(500);
  await clock.whenSleeping();
  abort.abort();
  assert.equal(await tail, 0);
  await log.close();
  const subjects = terminal.printed.map((line) => JSON.parse(line).subject);
  assert.deepEqual(subjects, Array.from({ length: 41 }, (_, index) => `e-${index}`));
});

Deno.test("audit tail prints the newest that match, and stops where the log is damaged", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  for (let index = 0; index < 5; index++) await log.record(createEntry(index));
  await log.close();
  const terminal = new Terminal();
  const options = { directory: fixture.directory, follow: false, lines: 2, json: false };
  const { signal } = new AbortController();
  const io = { ...terminal.io, clock: fixture.clock };
  assert.equal(await runAuditTail({ ...options, subject: "e-?" }, io, signal), 0);
  assert.deepEqual(terminal.printed.map((line) => line.split("  ")[4]), ["e-3", "e-4"]);
  const path = `${fixture.directory}/00000000000000000001-20261122.jsonl`;
  await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace("e-2", "e-9"));
  await assert.rejects(runAuditTail(options, io, signal), /record 4.*does not match its hash/);
  await assert.rejects(
    runAuditTail({ ...options, directory: `${fixture.directory}/none` }, io, signal),
    { code: "not_found" },
  );
});
