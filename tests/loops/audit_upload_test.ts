import assert from "node:assert/strict";
import type { FileAuditLog } from "../../src/adapters/audit_file.ts";
import { verifyCheckpoint } from "../../src/core/audit/checkpoint_proof.ts";
import type { WormStore } from "../../src/core/audit/shipping.ts";
import { decodeUtf8, encodeUtf8 } from "../../src/core/encoding.ts";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import {
  type AuditUploadOptions,
  runAuditUpload,
  shipLast,
  shipSealed,
} from "../../src/loops/audit_upload.ts";
import { type AuditFixture, createAuditFixture, createEntry } from "../fakes/audit.ts";
import { createS3Fixture } from "../fakes/s3.ts";

const DAY_MS = 86_400_000;
const FOREVER = new AbortController().signal;

function uploadOptions(
  fixture: AuditFixture,
  audit: FileAuditLog,
  store: WormStore | null,
  changes: Partial<AuditUploadOptions> = {},
): AuditUploadOptions {
  const { clock, health, metrics } = fixture;
  const random = {
    bytes: (length: number) => new Uint8Array(length),
    fraction: () => 0.5,
    uuid: () => crypto.randomUUID(),
  };
  const log = new JsonLogger(
    clock,
    (line) => fixture.logged.push(line),
    "debug",
    new SecretMask(),
  );
  const fixed = { audit, store, clock, random, health, log, metrics, prefix: "audit" };
  return { ...fixed, retentionMs: 3650 * DAY_MS, keepLocalMs: 30 * DAY_MS, ...changes };
}

async function liveDays(fixture: AuditFixture, audit: FileAuditLog, days: number): Promise<void> {
  for (let day = 0; day < days; day++) {
    await audit.record(createEntry(day));
    fixture.clock.advance(DAY_MS);
  }
}

Deno.test("audit upload ships each sealed day with its checkpoint, once, locked", async () => {
  await using fixture = await createAuditFixture();
  await using remote = await createS3Fixture({ objectLock: true });
  const audit = await fixture.open();
  await liveDays(fixture, audit, 2);
  const options = uploadOptions(fixture, audit, remote.archive);
  await shipSealed(options, FOREVER);
  await shipSealed(options, FOREVER);
  const objects = remote.s3.objects();
  const folder = `audit/${audit.segments.chainId}`;
  assert.deepEqual(objects.map(({ key }) => key), [
    `${folder}/2026-11-22/00000000000000000001-00000000000000000003.checkpoint`,
    `${folder}/2026-11-22/00000000000000000001-00000000000000000003.jsonl`,
    `${folder}/2026-11-23/00000000000000000004-00000000000000000006.checkpoint`,
    `${folder}/2026-11-23/00000000000000000004-00000000000000000006.jsonl`,
  ]);
  assert.ok(objects.every(({ retainUntil }) => retainUntil !== null));
  const { signer, directory } = fixture;
  const note = decodeUtf8(objects[2]!.body!);
  assert.equal(verifyCheckpoint(note, signer.name, signer.publicKey).size, 6);
  const [first] = audit.segments.list();
  assert.deepEqual(objects[1]!.body, await Deno.readFile(`${directory}/${first!.fileName}`));
  assert.equal(fixture.health.get("audit_upload")?.state, "ok");
  await audit.close();
});

Deno.test("audit upload takes its own lost success for what it is", async () => {
  await using fixture = await createAuditFixture();
  await using remote = await createS3Fixture();
  const audit = await fixture.open();
  await liveDays(fixture, audit, 1);
  const options = uploadOptions(fixture, audit, remote.archive);
  await audit.rotate();
  const store: WormStore = {
    hasObjectLock: () => remote.archive.hasObjectLock(),
    requireStored: (object) => remote.archive.requireStored(object),
    putCreateOnly: async (object) => {
      await remote.archive.putCreateOnly(object);
      return await remote.archive.putCreateOnly(object);
    },
  };
  await shipSealed({ ...options, store }, FOREVER);
  assert.equal(remote.s3.objects().length, 2);
  assert.notEqual(audit.segments.list()[0]!.shipment, null);
  await audit.close();
});

Deno.test("audit upload catches up after an outage of several days, across a restart", async () => {
  await using fixture = await createAuditFixture();
  await using remote = await createS3Fixture();
  await remote.s3.server.stop();
  let audit = await fixture.open();
  await liveDays(fixture, audit, 2);
  await assert.rejects(shipSealed(uploadOptions(fixture, audit, remote.archive), FOREVER), {
    code: "unavailable",
  });
  await liveDays(fixture, audit, 2);
  await audit.close();
  audit = await fixture.open();
  remote.s3.server.start();
  await shipSealed(uploadOptions(fixture, audit, remote.archive), FOREVER);
  const days = remote.s3.objects().filter(({ key }) => key.endsWith(".jsonl"))
    .map(({ key }) => key.split("/")[2]);
  assert.deepEqual(days, ["2026-11-22", "2026-11-23", "2026-11-24", "2026-11-25"]);
  await audit.close();
});

Deno.test("audit upload removes local days only when shipped and old enough", async () => {
  await using fixture = await createAuditFixture();
  await using remote = await createS3Fixture();
  const audit = await fixture.open();
  await liveDays(fixture, audit, 2);
  await audit.rotate();
  const options = uploadOptions(fixture, audit, remote.archive, { keepLocalMs: 2 * DAY_MS });
  await shipSealed({ ...options, store: null }, FOREVER);
  assert.equal(fixture.health.get("audit_upload")?.state, "off");
  fixture.clock.advance(1.5 * DAY_MS);
  await shipSealed(options, FOREVER);
  const local = audit.segments.list().map(({ day }) => day);
  assert.deepEqual(local, ["2026-11-23", "2026-11-24"]);
  await audit.close();
  const reopened = await fixture.open();
  assert.deepEqual(reopened.segments.list().map(({ day }) => day), local);
  await reopened.close();
});

Deno.test("audit upload never ships a segment that changed on the disk", async () => {
  await using fixture = await createAuditFixture();
  await using remote = await createS3Fixture();
  const audit = await fixture.open();
  await liveDays(fixture, audit, 1);
  await audit.rotate();
  const path = `${fixture.directory}/${audit.segments.list()[0]!.fileName}`;
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, text.replace("e-0", "e-1"));
  await assert.rejects(shipSealed(uploadOptions(fixture, audit, remote.archive), FOREVER), {
    code: "audit_broken",
  });
  assert.equal(remote.s3.objects().length, 0);
  await audit.close();
});

Deno.test("audit upload loop backs off, recovers, and stops when told", async () => {
  await using fixture = await createAuditFixture();
  await using remote = await createS3Fixture();
  const audit = await fixture.open();
  await liveDays(fixture, audit, 1);
  remote.s3.server.faults.answer(503, 1);
  const stop = new AbortController();
  const loop = runAuditUpload(uploadOptions(fixture, audit, remote.archive), stop.signal);
  await until(() => fixture.health.get("audit_upload")?.state === "degraded");
  await fixture.clock.whenSleeping();
  fixture.clock.advance(1000);
  await until(() => fixture.health.get("audit_upload")?.state === "ok");
  stop.abort();
  await loop;
  assert.equal(remote.s3.objects().length, 2);
  await audit.close();
});

Deno.test("audit upload stalls, and waits for a person, when credentials are wrong", async () => {
  await using fixture = await createAuditFixture();
  await using remote = await createS3Fixture();
  const secretAccessKey = "a-secret-that-is-not-right";
  const store = remote.connect({
    accessKey: () => Promise.resolve({ accessKeyId: "AKIDEXAMPLE", secretAccessKey }),
  });
  const audit = await fixture.open();
  await liveDays(fixture, audit, 1);
  const stop = new AbortController();
  const loop = runAuditUpload(uploadOptions(fixture, audit, store), stop.signal);
  await until(() => fixture.health.get("audit_upload")?.state === "stalled");
  stop.abort();
  await loop;
  assert.ok(!fixture.logged.join().includes(secretAccessKey));
  await audit.close();
});

Deno.test("audit upload ships what is open at the last stop, and leaves nothing behind", async () => {
  await using fixture = await createAuditFixture();
  await using remote = await createS3Fixture({ objectLock: true });
  let audit = await fixture.open();
  await liveDays(fixture, audit, 1);
  await audit.record(createEntry(7));
  await shipLast(uploadOptions(fixture, audit, remote.archive), FOREVER);
  await audit.close();
  const jsonl = () => remote.s3.objects().filter(({ key }) => key.endsWith(".jsonl"));
  assert.equal(jsonl().length, 2);
  assert.match(decodeUtf8(jsonl()[1]!.body!), /"e-7".*\n.*audit\.segment_sealed/);
  audit = await fixture.open();
  assert.ok(audit.segments.list().every(({ shipment }) => shipment !== null));
  await audit.record(createEntry(8));
  await shipSealed(uploadOptions(fixture, audit, remote.archive), FOREVER);
  assert.equal(jsonl().length, 2);
  await audit.close();
});

Deno.test("audit upload ships at the next start what the last stop could not", async () => {
  await using fixture = await createAuditFixture();
  await using remote = await createS3Fixture();
  let audit = await fixture.open();
  await audit.record(createEntry(1));
  await remote.s3.server.stop();
  const failing = shipLast(uploadOptions(fixture, audit, remote.archive), FOREVER);
  await assert.rejects(failing, { code: "unavailable" });
  await audit.close();
  remote.s3.server.start();
  audit = await fixture.open();
  const stop = new AbortController();
  const loop = runAuditUpload(uploadOptions(fixture, audit, remote.archive), stop.signal);
  await until(() => fixture.health.get("audit_upload")?.state === "ok");
  stop.abort();
  await loop;
  assert.equal(remote.s3.objects().length, 2);
  await audit.close();
});

Deno.test("audit upload keeps a day, and says why, when another log lies under its key", async () => {
  await using fixture = await createAuditFixture();
  await using remote = await createS3Fixture({ objectLock: true });
  const audit = await fixture.open();
  await liveDays(fixture, audit, 1);
  await audit.rotate();
  const options = uploadOptions(fixture, audit, remote.archive);
  const name = `audit/${audit.segments.chainId}/2026-11-22/` +
    "00000000000000000001-00000000000000000003.jsonl";
  const put = { createOnly: true, checksumSha256: null, retainUntil: null };
  remote.s3.bucket.put(name, encodeUtf8("other bytes\n"), put);
  const stop = new AbortController();
  const loop = runAuditUpload({ ...options, keepLocalMs: 0 }, stop.signal);
  await until(() => fixture.health.get("audit_upload")?.state === "stalled");
  stop.abort();
  await loop;
  assert.match(fixture.health.get("audit_upload")!.reason, /exists with other content/);
  assert.equal(audit.segments.list()[0]!.shipment, null);
  await audit.close();
});

Deno.test("audit upload keeps a day that the archive retains for less than was asked", async () => {
  await using fixture = await createAuditFixture();
  await using remote = await createS3Fixture({ objectLock: true });
  const audit = await fixture.open();
  await liveDays(fixture, audit, 1);
  const forgetful: WormStore = {
    hasObjectLock: () => remote.archive.hasObjectLock(),
    requireStored: (claim) => remote.archive.requireStored(claim),
    putCreateOnly: (object) =>
      remote.archive.putCreateOnly({ ...object, retainUntilMs: Date.now() + DAY_MS }),
  };
  const shipping = shipSealed(uploadOptions(fixture, audit, forgetful), FOREVER);
  await assert.rejects(shipping, {
    code: "bucket_settings",
    message: /is retained until .*expected/,
  });
  assert.equal(audit.segments.list()[0]!.shipment, null);
  await audit.close();
});

Deno.test("audit upload removes no local day that the archive no longer shows", async () => {
  for (const suffix of ["jsonl", "checkpoint"]) {
    await using fixture = await createAuditFixture();
    await using remote = await createS3Fixture({ objectLock: true });
    const audit = await fixture.open();
    await liveDays(fixture, audit, 1);
    const options = uploadOptions(fixture, audit, remote.archive, { keepLocalMs: 2 * DAY_MS });
    await shipSealed(options, FOREVER);
    const { key } = remote.s3.objects().find(({ key }) => key.endsWith(suffix))!;
    remote.s3.bucket.remove(key, null);
    fixture.clock.advance(3 * DAY_MS);
    await assert.rejects(shipSealed(options, FOREVER), {
      code: "audit_broken",
      message: /was there and is gone/,
    });
    assert.equal(audit.segments.list()[0]!.day, "2026-11-22");
    await audit.close();
  }
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}
