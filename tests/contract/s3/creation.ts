/** What is written once stays as it is written. */
import assert from "node:assert/strict";
import * as sdk from "@aws-sdk/client-s3";
import { encodeBase64, encodeUtf8, sha256, sha256Hex } from "../../../src/core/encoding.ts";
import type { ContractTest } from "../contract.ts";
import { BODY, CHECKSUM, open, refusal, type S3Target, tomorrow } from "./target.ts";

const OTHER = encodeUtf8("two line\n");

export const CREATION: readonly ContractTest<S3Target>[] = [
  {
    name: "S3 creates an object once, with and without Object Lock",
    async run({ locked, plain }) {
      for (const place of [locked, plain]) {
        const Bucket = place.bucket;
        await using opened = open(place);
        const { archive, client } = opened;
        const object = { key: "a/é +1=2&x", body: BODY, retainUntilMs: +tomorrow() };
        assert.equal(await archive.putCreateOnly(object), "created");
        assert.equal(await archive.putCreateOnly(object), "exists");
        const put = new sdk.PutObjectCommand({
          Bucket,
          Key: object.key,
          Body: OTHER,
          ChecksumSHA256: encodeBase64(sha256(OTHER)),
          IfNoneMatch: "*",
        });
        assert.equal(await refusal(client.send(put)), "412 PreconditionFailed");
        const changed = archive.putCreateOnly({ ...object, body: OTHER });
        await assert.rejects(changed, { code: "audit_broken" });
        const got = await client.send(new sdk.GetObjectCommand({ Bucket, Key: object.key }));
        assert.deepEqual(await got.Body!.transformToByteArray(), BODY);
      }
    },
  },
  {
    name: "S3 lets one of several writers at the same time create an object",
    async run({ locked, plain }) {
      for (const place of [locked, plain]) {
        const { bucket: Bucket } = place;
        await using opened = open(place);
        const { client } = opened;
        const puts = Array.from({ length: 8 }, (_, n) => {
          const Body = encodeUtf8(`writer ${n}\n`);
          const ChecksumSHA256 = encodeBase64(sha256(Body));
          const input = { Bucket, Key: "race", Body, ChecksumSHA256, IfNoneMatch: "*" };
          return refusal(client.send(new sdk.PutObjectCommand(input)));
        });
        const outcomes = (await Promise.all(puts)).sort();
        assert.equal(outcomes.filter((outcome) => outcome === "done").length, 1);
        for (const outcome of outcomes.filter((one) => one !== "done")) {
          assert.match(outcome, /^(412 PreconditionFailed|409 ConditionalRequestConflict)$/);
        }
      }
    },
  },
  {
    name: "S3 keeps the SHA-256 that it was given, and refuses content of another",
    async run({ locked: place }) {
      const { bucket: Bucket } = place;
      await using opened = open(place);
      const { archive, client } = opened;
      await archive.putCreateOnly({ key: "sum", body: BODY, retainUntilMs: null });
      const head = { Bucket, Key: "sum", ChecksumMode: "ENABLED" as const };
      const found = await client.send(new sdk.HeadObjectCommand(head));
      assert.equal(found.ChecksumSHA256, CHECKSUM);
      assert.equal(found.ContentLength, BODY.length);
      const stored = await archive.head("sum");
      assert.equal(stored?.sha256?.toHex(), sha256Hex(BODY));
      const wrong = { Bucket, Key: "wrong", Body: OTHER, ChecksumSHA256: CHECKSUM };
      const put = client.send(new sdk.PutObjectCommand(wrong));
      assert.match(await refusal(put), /^400 (BadDigest|XAmzContentChecksumMismatch)$/);
      assert.equal(await archive.head("wrong"), null);
    },
  },
  {
    name: "S3 tells an absent object from a missing bucket and from a wrong key",
    async run({ locked: place }) {
      const { bucket: Bucket } = place;
      await using opened = open(place);
      const { archive, client } = opened;
      const get = (Key: string) => client.send(new sdk.GetObjectCommand({ Bucket, Key }));
      assert.equal(await refusal(get("nothing")), "404 NoSuchKey");
      assert.equal(await archive.head("nothing"), null);
      await assert.rejects(Array.fromAsync(archive.get("nothing")), { code: "not_found" });
      const put = async (changes: Parameters<typeof open>[1]) => {
        await using other = open(place, changes);
        await other.archive.putCreateOnly({ key: "k", body: BODY, retainUntilMs: null });
      };
      await assert.rejects(put({ bucket: "no-such-bucket" }), {
        code: "bucket_settings",
        message: /no-such-bucket.*404 NoSuchBucket/,
        hint: /audit\.s3\.bucket/,
      });
      const { accessKeyId } = place;
      const secretAccessKey = "certainly-not-the-secret";
      const wrongSecret = put({
        accessKey: () => Promise.resolve({ accessKeyId, secretAccessKey }),
      });
      await assert.rejects(wrongSecret, {
        code: "access_denied",
        message: /403 SignatureDoesNotMatch/,
        hint: /the access key, its secret/,
      });
      const nobody = { accessKeyId: "NOBODY", secretAccessKey };
      await assert.rejects(put({ accessKey: () => Promise.resolve(nobody) }), {
        code: "access_denied",
        message: /403 InvalidAccessKeyId/,
      });
      await using elsewhere = open(place, { bucket: "no-such-bucket" });
      await assert.rejects(Array.fromAsync(elsewhere.archive.versions("")), {
        code: "bucket_settings",
      });
    },
  },
];
