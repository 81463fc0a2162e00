import assert from "node:assert/strict";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { createAuditFixture, createEntry } from "../fakes/audit.ts";
import { runCli } from "../fakes/cli_io.ts";

const runtime = systemRuntime();

Deno.test("audit verify and show read the folder that the command line names", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  for (let count = 1; count <= 3; count++) await log.record(createEntry(count));
  const { note } = await log.checkpoint();
  await log.close();
  const { directory } = fixture;
  const files = { "head.note": note };
  const verified = await runCli(
    ["audit", "verify", directory, "--checkpoint", "head.note", "-o", "json"],
    { runtime, files },
  );
  assert.equal(verified.exitCode, 0, verified.errors);
  assert.equal(JSON.parse(verified.out).checkpoints, 1);
  const shown = await runCli(["audit", "show", directory, "--limit", "2"], { runtime });
  assert.deepEqual([shown.exitCode, shown.out.split("\n").length], [0, 2]);
  const typed = await runCli(["audit", "show", directory, "--type", "none"], { runtime });
  assert.equal(typed.out, "");
});

Deno.test("audit verify exits 1 where there is no log, or it is damaged", async () => {
  await using fixture = await createAuditFixture();
  const empty = await runCli(["audit", "verify", fixture.directory], { runtime });
  assert.equal(empty.exitCode, 1);
  assert.match(empty.errors, /There is no audit log/);
  const log = await fixture.open();
  await log.record(createEntry(1));
  await log.close();
  const [name] = (await runtime.files.list(fixture.directory)).filter((one) =>
    one.endsWith(".jsonl")
  );
  const path = `${fixture.directory}/${name}`;
  await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace("e-1", "e-7"));
  const damaged = await runCli(["audit", "verify", fixture.directory], { runtime });
  assert.equal(damaged.exitCode, 1);
  assert.match(damaged.errors, /^audit log NOT ok: /);
});

const FROM = ["audit", "verify", "--from", "s3://bucket/audit", "--credentials", "key.json"];

Deno.test("audit verify reads an archive's key from a file, and never repeats it", async () => {
  const cases: [string, number, RegExp][] = [
    ['{"accessKeyId":"AKID","secretAccessKey":hunter22', 1, /key\.json: is not JSON/],
    ['{"accessKeyId":"AKID"}', 1, /key\.json: secretAccessKey: is missing/],
    ['{"accessKeyId":5,"secretAccessKey":"hunter22"}', 1, /accessKeyId: must be of type string/],
  ];
  for (const [text, exitCode, message] of cases) {
    const result = await runCli(FROM, { files: { "key.json": text } });
    assert.equal(result.exitCode, exitCode);
    assert.match(result.errors, message);
    assert.ok(!result.errors.includes("hunter22"));
  }
  const missing = await runCli(FROM);
  assert.equal(missing.exitCode, 2);
  assert.match(missing.errors, /there is no file key\.json/);
});
