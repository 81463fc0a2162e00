import assert from "node:assert/strict";
import type { FileAuditLog } from "../../src/adapters/audit_file.ts";
import { readBase } from "../../src/adapters/audit_recovery.ts";
import { type AuditVerifyOptions, parseArchiveUrl, runAuditVerify } from "../../src/cli/audit.ts";
import { runAuditShow } from "../../src/cli/audit_show.ts";
import { signCheckpoint } from "../../src/core/audit/checkpoint.ts";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import { shipSealed } from "../../src/loops/audit_upload.ts";
import { systemRandom } from "../../src/runtime_deno.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { type AuditFixture, createAuditFixture, createEntry } from "../fakes/audit.ts";
import { Terminal } from "../fakes/audit_terminal.ts";
import { createS3Fixture, type S3Fixture } from "../fakes/s3.ts";

const DAY_MS = 86_400_000;

async function verify(
  options: Partial<AuditVerifyOptions> & Pick<AuditVerifyOptions, "source">,
  texts: Record<string, string> = {},
): Promise<{ code: number; output: string }> {
  const terminal = new Terminal(texts);
  const code = await runAuditVerify({ checkpoints: [], output: "text", ...options }, terminal.io);
  return { code, output: terminal.output };
}

async function writeDays(fixture: AuditFixture, log: FileAuditLog): Promise<void> {
  for (let day = 0; day < 2; day++) {
    await log.record(createEntry(day));
    fixture.clock.advance(DAY_MS);
  }
  await log.rotate();
}

async function ship(fixture: AuditFixture, log: FileAuditLog, remote: S3Fixture): Promise<void> {
  const { clock, health, metrics } = fixture;
  await shipSealed({
    audit: log,
    store: remote.archive,
    clock,
    random: systemRandom,
    health,
    metrics,
    log: new JsonLogger(clock, () => {}, "error", new SecretMask()),
    prefix: "audit",
    retentionMs: 3650 * DAY_MS,
    keepLocalMs: 1.5 * DAY_MS,
  }, new AbortController().signal);
}

Deno.test("audit verify says how much holds, and with which checkpoint and key", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  await writeDays(fixture, log);
  const { note } = await log.checkpoint();
  await log.record(createEntry(9));
  await log.close();
  const source = { directory: fixture.directory };
  const plain = await verify({ source });
  assert.equal(plain.code, 0);
  assert.match(plain.output, /^audit log ok: 8 records, 2026-11-22..2026-11-24, root [0-9a-f]{64}/);
  assert.match(plain.output, /no checkpoint was given/);
  const texts = { "head.note": note, "log.pub": fixture.signer.publicKey.toBase64() };
  const options = { source, checkpoints: ["head.note"], publicKey: "log.pub" };
  const anchored = await verify(options, texts);
  assert.equal(anchored.code, 0, anchored.output);
  assert.match(anchored.output, /1 checkpoints agree/);
  const json = await verify({ ...options, output: "json" }, texts);
  const { ok, records, checkpoints, keyGiven } = JSON.parse(json.output);
  assert.deepEqual({ ok, records, checkpoints, keyGiven }, {
    ok: true,
    records: 8,
    checkpoints: 1,
    keyGiven: true,
  });
});

Deno.test("audit verify names file, line and record of damage", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  await log.record(createEntry(1));
  await log.record(createEntry(2));
  await log.close();
  const path = `${fixture.directory}/00000000000000000001-20261122.jsonl`;
  await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace("e-1", "e-7"));
  const source = { directory: fixture.directory };
  const text = await verify({ source });
  assert.equal(text.code, 1);
  assert.match(
    text.output,
    /NOT ok: audit_broken: 0+1-20261122.jsonl, line 2 \(record 2\): the con/,
  );
  const { file, line, sequence } = JSON.parse((await verify({ source, output: "json" })).output);
  assert.deepEqual([file, line, sequence], ["00000000000000000001-20261122.jsonl", 2, 2]);
});

Deno.test("audit verify finds a cut tail by a checkpoint, and a rewritten log too", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  await log.record(createEntry(1));
  await log.record(createEntry(2));
  const { note } = await log.checkpoint();
  await log.close();
  const texts = { "head.note": note };
  const options = { source: { directory: fixture.directory }, checkpoints: ["head.note"] };
  const path = `${fixture.directory}/00000000000000000001-20261122.jsonl`;
  const lines = (await Deno.readTextFile(path)).split("\n");
  await Deno.writeTextFile(path, lines.slice(0, 2).join("\n") + "\n");
  assert.equal((await verify({ source: options.source })).code, 0);
  const cut = await verify(options, texts);
  assert.equal(cut.code, 1);
  assert.match(cut.output, /expected 3 records, as head.note says; the log ends after 2/);
  const rewritten = await fixture.open();
  await rewritten.record(createEntry(3));
  await rewritten.close();
  const forged = await verify(options, texts);
  assert.match(forged.output, /expected the root [0-9a-f]{64} after 3 records/);
  const torn = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, torn.slice(0, -10));
  assert.match((await verify({ source: options.source })).output, /unfinished line/);
});

Deno.test("audit verify refuses a foreign checkpoint and a foreign key", async () => {
  await using fixture = await createAuditFixture();
  await using other = await createAuditFixture();
  const notes: string[] = [];
  for (const one of [fixture, other]) {
    const log = await one.open();
    await log.record(createEntry(1));
    notes.push((await log.checkpoint()).note);
    await log.close();
  }
  const source = { directory: fixture.directory };
  const foreign = await verify({ source, checkpoints: ["n"] }, { n: notes[1]! });
  assert.match(foreign.output, /NOT ok: bad_signature/);
  const key = other.signer.publicKey.toBase64();
  const wrongKey = await verify({ source, publicKey: "k" }, { k: key });
  assert.match(wrongKey.output, /expected the chain/);
  const noKey = await verify({ source, publicKey: "k" }, { k: "not a key" });
  assert.match(noKey.output, /no Ed25519 key/);
  const missing = await verify({ source, checkpoints: ["nowhere"] });
  assert.match(missing.output, /There is no file nowhere/);
  const empty = await verify({ source: { directory: `${fixture.directory}/none` } });
  assert.match(empty.output, /There is no audit log/);
});

Deno.test("audit verify judges what is left here after shipped days were removed", async () => {
  await using fixture = await createAuditFixture();
  await using remote = await createS3Fixture();
  const log = await fixture.open();
  await log.record(createEntry(0));
  const old = await log.checkpoint();
  await writeDays(fixture, log);
  fixture.clock.advance(DAY_MS);
  await ship(fixture, log, remote);
  const { note } = await log.checkpoint();
  await log.close();
  const source = { directory: fixture.directory };
  const kept = await verify({ source, checkpoints: ["n"] }, { n: note });
  assert.equal(kept.code, 0, kept.output);
  assert.match(kept.output, /the first \d+ records were shipped/);
  const before = await verify({ source, checkpoints: ["n"] }, { n: old.note });
  assert.match(before.output, /begins behind them/);
});

Deno.test("audit verify holds a checkpoint of what was removed just now against where the log begins", async () => {
  await using fixture = await createAuditFixture();
  await using remote = await createS3Fixture();
  const log = await fixture.open();
  await writeDays(fixture, log);
  fixture.clock.advance(DAY_MS);
  await ship(fixture, log, remote);
  await log.close();
  const { directory, signer } = fixture;
  const { head: { tree, sequence } } = await readBase(systemFiles, directory);
  assert.equal(tree.size, sequence);
  const source = { directory };
  const check = async (peaks: readonly Uint8Array[]) =>
    await verify({ source, checkpoints: ["n"], output: "json" }, {
      n: await signCheckpoint({ size: sequence, peaks }, signer),
    });
  const same = JSON.parse((await check(tree.peaks)).output);
  assert.deepEqual([same.ok, same.checkpoints, same.removedRecords], [true, 1, sequence]);
  const [first, ...rest] = tree.peaks;
  const { code, output } = await check([first!.with(0, first![0]! ^ 1), ...rest]);
  assert.equal(code, 1);
  const { message, ...damage } = JSON.parse(output);
  assert.match(message, new RegExp(`expected the root [0-9a-f]{64} after ${sequence} records`));
  const place = { file: "base.json", line: null, sequence: null };
  assert.deepEqual(damage, { ok: false, code: "audit_broken", ...place });
});

Deno.test("audit verify judges the archive, its versions and its delete markers", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  await writeDays(fixture, log);
  const harms: [string, (s3: S3Fixture["s3"]) => void, RegExp | null][] = [
    ["nothing", () => {}, null],
    ["deleted", (s3) => s3.bucket.remove(s3.objects()[1]!.key, null), /it was deleted: delete/],
    ["replaced", (s3) => put(s3, s3.objects()[1]!.key, "x"), /expected one version/],
    ["stray", (s3) => put(s3, s3.objects()[1]!.key + ".bak", "x"), /no connector writes/],
    ["lost", (s3) => erase(s3, s3.objects()[1]!.key), /segment beside it is missing|expected/],
    ["lost note", (s3) => erase(s3, s3.objects()[0]!.key), /it is missing/],
    ["lost day", (s3) => s3.objects().slice(0, 2).forEach(({ key }) => erase(s3, key)), /expected/],
    ["changed", (s3) => {
      const { key, body } = s3.objects()[3]!;
      erase(s3, key);
      put(s3, key, new TextDecoder().decode(body!).replace("e-1", "e-2"));
    }, /line 2 \(record 5\): the content does not match its hash/],
    ["forged note", (s3) => {
      const { key, body } = s3.objects()[0]!;
      erase(s3, key);
      put(s3, key, new TextDecoder().decode(body!).replace(/\n3\n./, "\n3\nA"));
    }, /bad_signature/],
  ];
  for (const [what, harm, expected] of harms) {
    await using remote = await createS3Fixture({ versioning: true });
    const store = remote.archive;
    for (const segment of log.segments.list()) {
      const key = `audit/${log.segments.chainId}/${segment.day}/${
        [segment.firstSequence, segment.lastSequence].map((one) => String(one).padStart(20, "0"))
          .join("-")
      }`;
      const body = await log.segments.read(segment.fileName);
      const note = encodeUtf8(await log.segments.checkpoint(segment.fileName));
      await store.putCreateOnly({ key: `${key}.checkpoint`, body: note, retainUntilMs: null });
      await store.putCreateOnly({ key: `${key}.jsonl`, body, retainUntilMs: null });
    }
    harm(remote.s3);
    const chainId = log.segments.chainId;
    const source = { archive: store, prefix: "audit", chainId };
    const { code, output } = await verify({ source });
    assert.equal(code, expected === null ? 0 : 1, `${what}: ${output}`);
    if (expected) assert.match(output, expected, what);
    else assert.match(output, /ok: 6 records, 2026-11-22..2026-11-23,.*\n.*\n2 checkpoints agree/);
  }
  await log.close();
});

Deno.test("audit verify judges every chain of an archive, or the one that is meant", async () => {
  await using remote = await createS3Fixture();
  const chains: string[] = [];
  const notes: Record<string, string> = {};
  let key = "";
  for (const name of ["a", "b"]) {
    await using fixture = await createAuditFixture();
    const log = await fixture.open();
    await writeDays(fixture, log);
    notes[name] = await log.segments.checkpoint(log.segments.list().at(-1)!.fileName);
    await ship(fixture, log, remote);
    await log.close();
    chains.push(log.segments.chainId);
    key = fixture.signer.publicKey.toBase64();
  }
  const source = { archive: remote.archive, prefix: "audit", chainId: null };
  const all = await verify({ source, output: "json", checkpoints: ["a", "b"] }, notes);
  assert.equal(all.code, 0, all.output);
  const found = JSON.parse(all.output);
  assert.deepEqual(
    found.chains.map((
      { chain, checkpoints }: { chain: string; checkpoints: number },
    ) => [chain, checkpoints]),
    chains.toSorted().map((chain) => [chain, 3]),
  );
  assert.equal((await verify({ source: { ...source, chainId: chains[0]! } })).code, 0);
  const meant = await verify({ source, publicKey: "k" }, { k: key });
  assert.match(meant.output, new RegExp(`^audit log ok.*\\nchain ${chains[1]}`));
  assert.match((await verify({ source: { ...source, prefix: "x" } })).output, /no audit log/);
  erase(remote.s3, remote.s3.objects().find(({ key }) => key.includes(chains[0]!))!.key);
  assert.equal((await verify({ source })).code, 1);
});

Deno.test("audit verify misses a chain that a register or a checkpoint names", async () => {
  await using remote = await createS3Fixture();
  const gone = "ab".repeat(32);
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  const chains = [gone, log.segments.chainId];
  await log.record({ type: "audit.chains", actor: "connector", subject: "x", data: { chains } });
  await writeDays(fixture, log);
  await ship(fixture, log, remote);
  await log.close();
  const source = { archive: remote.archive, prefix: "audit", chainId: null };
  const missing = await verify({ source });
  assert.equal(missing.code, 1);
  assert.match(
    missing.output,
    new RegExp(`whole log of chain ${gone} is missing: the register in`),
  );
  await using other = await createAuditFixture();
  const second = await other.open();
  await writeDays(other, second);
  const { note } = await second.checkpoint();
  await second.close();
  const foreign = await verify({ source, checkpoints: ["n"] }, { n: note });
  assert.equal(foreign.code, 1);
});

Deno.test("audit verify warns of a chain that ended without a word while another went on", async () => {
  await using remote = await createS3Fixture();
  for (const [days, stops] of [[1, false], [1, true], [6, false]] as const) {
    await using fixture = await createAuditFixture();
    const log = await fixture.open();
    for (let day = 0; day < days; day++) {
      await log.record(createEntry(day));
      if (stops) await log.record({ ...createEntry(day), type: "agent.stopped" });
      fixture.clock.advance(DAY_MS);
    }
    await log.rotate();
    await ship(fixture, log, remote);
    await log.close();
  }
  const source = { archive: remote.archive, prefix: "audit", chainId: null };
  const { code, output } = await verify({ source });
  assert.equal(code, 0, output);
  assert.equal(output.match(/WARNING: chain/g)?.length, 1);
});

Deno.test("audit show prints the newest records, without control characters", async () => {
  await using fixture = await createAuditFixture();
  const log = await fixture.open();
  await log.record({ type: "a.b", actor: "x", subject: "\u001b[31m\u009b\n", data: { n: 1 } });
  await log.record({ type: "c.d", actor: "x", subject: "s", data: {} });
  await log.close();
  const terminal = new Terminal();
  const source = { directory: fixture.directory };
  await runAuditShow({ source, limit: 2, output: "text" }, terminal.io);
  assert.deepEqual(terminal.printed, [
    "2  2026-11-22T10:00:00.000Z  a.b  x  \\u{1b}[31m\\u{9b}\\u{a}  n=1",
    "3  2026-11-22T10:00:00.000Z  c.d  x  s",
  ]);
  const json = new Terminal();
  await runAuditShow({ source, limit: 9, type: "c.*", output: "json" }, json.io);
  assert.deepEqual(JSON.parse(json.output).records.map(({ seq }: { seq: number }) => seq), [3]);
});

Deno.test("archive URL is a bucket with an optional prefix", () => {
  assert.deepEqual(parseArchiveUrl("s3://my.bucket"), { bucket: "my.bucket", prefix: "" });
  assert.deepEqual(parseArchiveUrl("s3://bucket/a/b/"), { bucket: "bucket", prefix: "a/b" });
  for (const text of ["https://x/y", "s3://", "s3://UP/x", "bucket"]) {
    assert.equal(parseArchiveUrl(text), null);
  }
});

function put(s3: S3Fixture["s3"], key: string, text: string): void {
  const options = { createOnly: false, checksumSha256: null, retainUntil: null };
  s3.bucket.put(key, encodeUtf8(text), options);
}

function erase(s3: S3Fixture["s3"], key: string): void {
  const { versionId } = s3.objects().find((object) => object.key === key)!;
  s3.bucket.remove(key, versionId);
}
