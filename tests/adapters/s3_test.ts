import assert from "node:assert/strict";
import { encodeUtf8, sha256Hex } from "../../src/core/encoding.ts";
import { FaultProxy } from "../../scripts/testbed/fault_proxy.ts";
import { toS3Error } from "../../src/adapters/s3_errors.ts";
import { StalledError, TransientError } from "../../src/errors.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { createS3Fixture } from "../fakes/s3.ts";

const BODY = encodeUtf8("one line\n");
const KEY = "audit/a b/é+1=2&x/0001-0002.jsonl";

Deno.test("S3 put creates once; the same again exists; other content is refused", async () => {
  await using fixture = await createS3Fixture();
  const { archive, s3 } = fixture;
  const object = { key: KEY, body: BODY, retainUntilMs: null };
  assert.equal(await archive.putCreateOnly(object), "created");
  assert.equal(await archive.putCreateOnly(object), "exists");
  for (const body of [encodeUtf8("two line\n"), encodeUtf8("longer than before\n")]) {
    await assert.rejects(archive.putCreateOnly({ ...object, body }), { code: "audit_broken" });
  }
  assert.equal(s3.objects().length, 1);
  assert.deepEqual(s3.objects()[0]!.body, BODY);
  const stored = await archive.head(KEY);
  assert.equal(stored?.bytes, BODY.length);
  assert.equal(stored?.sha256?.toHex(), sha256Hex(BODY));
  assert.equal(await archive.head("nothing/here"), null);
});

// The SDK would ask for the user's number, which neither the agent nor these tests may know.
Deno.test("S3 put works for a user that has no HOME, as a service may", async () => {
  const home = Deno.env.get("HOME");
  Deno.env.delete("HOME");
  try {
    await using fixture = await createS3Fixture();
    const object = { key: KEY, body: BODY, retainUntilMs: null };
    assert.equal(await fixture.archive.putCreateOnly(object), "created");
  } finally {
    if (home !== undefined) Deno.env.set("HOME", home);
  }
});

Deno.test("S3 put compares the content itself when the store has no checksum", async () => {
  await using fixture = await createS3Fixture();
  const { archive, s3 } = fixture;
  const options = { createOnly: false, checksumSha256: null, retainUntil: null };
  s3.bucket.put("k", BODY, options);
  const object = { key: "k", body: BODY, retainUntilMs: null };
  assert.equal(await archive.putCreateOnly(object), "exists");
  const other = BODY.with(0, 0);
  await assert.rejects(archive.putCreateOnly({ ...object, body: other }), { code: "audit_broken" });
});

Deno.test("S3 put locks the object where the bucket has Object Lock, and only there", async () => {
  const retainUntilMs = Date.now() + 86_400_000;
  for (const objectLock of [true, false]) {
    await using fixture = await createS3Fixture({ objectLock });
    const { archive, s3 } = fixture;
    await archive.putCreateOnly({ key: "k", body: BODY, retainUntilMs });
    await archive.putCreateOnly({ key: "l", body: BODY, retainUntilMs });
    const [stored] = s3.objects();
    assert.equal(stored!.retainUntil?.getTime() ?? null, objectLock ? retainUntilMs : null);
    assert.equal(await archive.hasObjectLock(), objectLock);
    assert.equal(s3.requests.filter((line) => line.includes("object-lock")).length, 1);
    if (objectLock) assert.throws(() => s3.bucket.remove("k", stored!.versionId), /locked/);
  }
});

Deno.test("S3 get and versions give back what is there, page by page", async () => {
  await using fixture = await createS3Fixture({ versioning: true });
  const { archive, s3 } = fixture;
  const put = { createOnly: false, checksumSha256: null, retainUntil: null };
  for (let index = 0; index < 1005; index++) {
    s3.bucket.put(`p/${String(index).padStart(4, "0")}`, BODY, put);
  }
  s3.bucket.put("p/0000", BODY, put);
  s3.bucket.remove("p/0001", null);
  s3.bucket.put("q/other", BODY, put);
  const found = await Array.fromAsync(archive.versions("p/"));
  assert.equal(found.length, 1007);
  assert.equal(new Set(found.map(({ key, versionId }) => `${key} ${versionId}`)).size, 1007);
  assert.deepEqual(found.filter((version) => version.isDeleteMarker).map(({ key }) => key), [
    "p/0001",
  ]);
  const bytes = await new Response(ReadableStream.from(archive.get("p/0000"))).bytes();
  assert.deepEqual(bytes, BODY);
});

Deno.test("S3 failures come as the error that says what to do", async () => {
  await using fixture = await createS3Fixture();
  const { archive, connect, s3 } = fixture;
  const put = (client: typeof archive) =>
    client.putCreateOnly({ key: "k", body: BODY, retainUntilMs: null });
  const secretAccessKey = "not-the-secret-at-all";
  const wrongSecret = connect({
    accessKey: () => Promise.resolve({ accessKeyId: "AKIDEXAMPLE", secretAccessKey }),
  });
  await assert.rejects(put(wrongSecret), (error: Error & { code?: string }) => {
    assert.equal(error.code, "access_denied");
    assert.match(error.message, /SignatureDoesNotMatch/);
    assert.ok(!error.message.includes(secretAccessKey));
    return true;
  });
  const wrongKey = connect({
    accessKey: () => Promise.resolve({ accessKeyId: "NOBODY", secretAccessKey }),
  });
  await assert.rejects(put(wrongKey), { code: "access_denied" });
  await assert.rejects(put(connect({ bucket: "other" })), { code: "bucket_settings" });
  const denied = connect({
    accessKey: () => Promise.reject(new StalledError("vault_denied", "no such path")),
  });
  await assert.rejects(put(denied), { code: "vault_denied" });
  const { caPem } = await createPki();
  await assert.rejects(put(connect({ caPem })), { code: "tls_untrusted" });
  await assert.rejects(Array.fromAsync(archive.get("missing")), { code: "not_found" });
  s3.server.faults.answer(503, 1);
  await assert.rejects(put(archive), { code: "unavailable" });
  s3.server.faults.answer(429, 1);
  await assert.rejects(put(archive), { code: "rate_limited" });
  s3.server.faults.answer(409, 1);
  await assert.rejects(put(archive), { code: "unavailable" });
  s3.server.faults.slow(200);
  await assert.rejects(put(connect({ timeoutMs: 50 })), { code: "timeout" });
  s3.server.faults.clear();
  await s3.server.stop();
  await assert.rejects(put(archive), { code: "unavailable" });
  s3.server.start();
  await put(archive);
});

Deno.test("S3 get ends in time when the server falls silent in mid-body", async () => {
  await using fixture = await createS3Fixture();
  const { connect, s3 } = fixture;
  s3.bucket.put("large", new Uint8Array(300_000), {
    createOnly: false,
    checksumSha256: null,
    retainUntil: null,
  });
  await using proxy = await FaultProxy.start(s3.url);
  proxy.answers.bytesPerSecond = 200_000;
  const reading = Array.fromAsync(connect({ endpoint: proxy.url, timeoutMs: 500 }).get("large"));
  const ended = assert.rejects(reading, { code: "timeout" });
  await proxy.until(() => proxy.sent.answers > 60_000);
  proxy.stall();
  await ended;
});

Deno.test("S3 that is busy with the same key is asked again", () => {
  const conflict = { name: "ConditionalRequestConflict", $metadata: { httpStatusCode: 409 } };
  const error = toS3Error(conflict, "S3 bucket b", "PUT of k");
  assert.ok(error instanceof TransientError);
  assert.equal(error.code, "unavailable");
});
