import assert from "node:assert/strict";
import { Agent } from "node:https";
import * as sdk from "@aws-sdk/client-s3";
import { encodeBase64, encodeUtf8, sha256 } from "../../src/core/encoding.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { type EmbeddedS3, startS3 } from "../../src/embedded/s3.ts";

const Bucket = "b";
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "the-secret-of-the-example" };
const Body = encodeUtf8("content");
const ChecksumSHA256 = encodeBase64(sha256(Body));

async function withS3(
  objectLock: boolean,
  work: (client: sdk.S3Client, s3: EmbeddedS3, caPem: string) => Promise<void>,
): Promise<void> {
  const pki = await createPki();
  const s3 = await startS3({ pki, bucket: Bucket, objectLock, ...credentials });
  const client = new sdk.S3Client({
    region: "eu-west-1",
    endpoint: s3.url,
    forcePathStyle: true,
    credentials,
    maxAttempts: 1,
    requestChecksumCalculation: "WHEN_REQUIRED",
    requestHandler: { httpsAgent: new Agent({ ca: pki.caPem }) },
  });
  try {
    await work(client, s3, pki.caPem);
  } finally {
    client.destroy();
    await s3.close();
  }
}

Deno.test("embedded S3 verifies checksum, condition and signature of the real SDK", async () => {
  await withS3(false, async (client, s3) => {
    const put = (input: Partial<sdk.PutObjectCommandInput>) =>
      client.send(new sdk.PutObjectCommand({ Bucket, Key: "a", Body, ...input }));
    await put({ ChecksumSHA256, IfNoneMatch: "*" });
    await assert.rejects(put({ IfNoneMatch: "*" }), { name: "PreconditionFailed" });
    const ChecksumSHA256Wrong = encodeBase64(sha256("other"));
    await assert.rejects(put({ ChecksumSHA256: ChecksumSHA256Wrong }), { name: "BadDigest" });
    const lock = { ObjectLockMode: "COMPLIANCE" as const, ObjectLockRetainUntilDate: tomorrow() };
    await assert.rejects(put({ ChecksumSHA256, ...lock }), { name: "InvalidRequest" });
    const head = await client.send(
      new sdk.HeadObjectCommand({ Bucket, Key: "a", ChecksumMode: "ENABLED" }),
    );
    assert.equal(head.ChecksumSHA256, ChecksumSHA256);
    assert.equal(head.ContentLength, Body.length);
    const { Body: body } = await client.send(new sdk.GetObjectCommand({ Bucket, Key: "a" }));
    assert.deepEqual(await body!.transformToByteArray(), Body);
    const list = await client.send(new sdk.ListObjectsV2Command({ Bucket, Prefix: "a" }));
    assert.deepEqual(list.Contents?.map(({ Key, Size }) => [Key, Size]), [["a", Body.length]]);
    await client.send(new sdk.DeleteObjectCommand({ Bucket, Key: "a" }));
    assert.equal(s3.objects().length, 0);
    await assert.rejects(
      client.send(new sdk.GetObjectLockConfigurationCommand({ Bucket })),
      { name: "ObjectLockConfigurationNotFoundError" },
    );
  });
});

Deno.test("embedded S3 protects locked versions and leaves delete markers", async () => {
  await withS3(true, async (client, s3) => {
    const RetainUntilDate = tomorrow();
    const lock = {
      ObjectLockMode: "COMPLIANCE" as const,
      ObjectLockRetainUntilDate: RetainUntilDate,
    };
    const input = { Bucket, Key: "a", Body, ...lock };
    const { VersionId } = await client.send(
      new sdk.PutObjectCommand({ ...input, ChecksumSHA256 }),
    );
    const retention = await client.send(new sdk.GetObjectRetentionCommand({ Bucket, Key: "a" }));
    assert.deepEqual(retention.Retention, { Mode: "COMPLIANCE", RetainUntilDate });
    const versioning = await client.send(new sdk.GetBucketVersioningCommand({ Bucket }));
    assert.equal(versioning.Status, "Enabled");
    await assert.rejects(
      client.send(new sdk.DeleteObjectCommand({ Bucket, Key: "a", VersionId })),
      { name: "AccessDenied" },
    );
    const marker = await client.send(new sdk.DeleteObjectCommand({ Bucket, Key: "a" }));
    assert.equal(marker.DeleteMarker, true);
    await assert.rejects(client.send(new sdk.GetObjectCommand({ Bucket, Key: "a" })), {
      name: "NoSuchKey",
    });
    // A delete marker reopens the key, as in S3: only the list of versions shows it.
    await client.send(new sdk.PutObjectCommand({ ...input, ChecksumSHA256, IfNoneMatch: "*" }));
    const versions = await client.send(new sdk.ListObjectVersionsCommand({ Bucket }));
    assert.equal(versions.Versions?.length, 2);
    assert.equal(versions.DeleteMarkers?.length, 1);
    assert.equal(s3.objects().length, 3);
  });
});

Deno.test("embedded S3 refuses unsigned and altered requests", async () => {
  await withS3(true, async (client, s3, caPem) => {
    await client.send(new sdk.PutObjectCommand({ Bucket, Key: "a", Body, ChecksumSHA256 }));
    const http = Deno.createHttpClient({ caCerts: [caPem] });
    const send = async (headers: HeadersInit, body: Uint8Array<ArrayBuffer>) => {
      const init = { method: "PUT", headers, body, client: http };
      const response = await fetch(`${s3.url}/b/x?x-id=PutObject`, init);
      return `${response.status} ${/<Code>(\w+)</.exec(await response.text())?.[1]}`;
    };
    try {
      assert.equal(await send({}, Body), "403 AccessDenied");
      const signed = await signedHeaders(client);
      assert.equal(await send(signed, Body), "200 undefined");
      assert.equal(await send(signed, encodeUtf8("altered")), "400 XAmzContentSHA256Mismatch");
      const extra = { ...signed, "x-amz-acl": "public-read" };
      assert.equal(await send(extra, Body), "403 AccessDenied");
      const changed = { ...signed, "x-amz-user-agent": "someone else" };
      assert.equal(await send(changed, Body), "403 SignatureDoesNotMatch");
      const old = { ...signed, "x-amz-date": "20200101T000000Z" };
      assert.equal(await send(old, Body), "403 RequestTimeTooSkewed");
    } finally {
      http.close();
    }
  });
});

/** The headers of a PUT of `x`, caught before they are sent. */
async function signedHeaders(client: sdk.S3Client): Promise<Record<string, string>> {
  const command = new sdk.PutObjectCommand({ Bucket, Key: "x", Body });
  const caught = Promise.withResolvers<Record<string, string>>();
  command.middlewareStack.add(
    () => (args) => {
      caught.resolve({ ...(args.request as { headers: Record<string, string> }).headers });
      return Promise.reject(new Error("caught"));
    },
    { step: "finalizeRequest", priority: "low" },
  );
  await assert.rejects(client.send(command), /caught/);
  return await caught.promise;
}

function tomorrow(): Date {
  return new Date(Math.floor(Date.now() / 1000) * 1000 + 86_400_000);
}
