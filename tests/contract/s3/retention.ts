/** Object Lock: what is retained can be hidden, but neither changed nor removed. */
import assert from "node:assert/strict";
import * as sdk from "@aws-sdk/client-s3";
import { encodeUtf8 } from "../../../src/core/encoding.ts";
import type { ContractTest } from "../contract.ts";
import { BODY, CHECKSUM, open, refusal, type S3Target, tomorrow } from "./target.ts";

const MODE = "COMPLIANCE" as const;
/** AWS answers with the first, MinIO with the second. */
const LOCKED = /^(403 AccessDenied|400 InvalidRequest)$/;

export const RETENTION: readonly ContractTest<S3Target>[] = [
  {
    name: "S3 retains an object until the date that it was given, and gives that date back",
    async run({ locked: place }) {
      const { bucket: Bucket } = place;
      await using opened = open(place);
      const { archive, client } = opened;
      assert.equal(await archive.hasObjectLock(), true);
      const until = tomorrow();
      await archive.putCreateOnly({ key: "kept", body: BODY, retainUntilMs: +until });
      const read = new sdk.GetObjectRetentionCommand({ Bucket, Key: "kept" });
      const { Retention } = await client.send(read);
      assert.deepEqual(Retention, { Mode: MODE, RetainUntilDate: until });
      const head = await client.send(new sdk.HeadObjectCommand({ Bucket, Key: "kept" }));
      assert.equal(head.ObjectLockMode, MODE);
      assert.deepEqual(head.ObjectLockRetainUntilDate, until);
      const VersionId = head.VersionId!;
      const remove = (bypass: boolean) =>
        refusal(client.send(
          new sdk.DeleteObjectCommand({
            Bucket,
            Key: "kept",
            VersionId,
            ...(bypass ? { BypassGovernanceRetention: true } : {}),
          }),
        ));
      assert.match(await remove(false), LOCKED);
      assert.match(await remove(true), LOCKED);
      const unknown = { Bucket, Key: "kept", VersionId: crypto.randomUUID() };
      const get = client.send(new sdk.GetObjectCommand(unknown));
      assert.equal(await refusal(get), "404 NoSuchVersion");
    },
  },
  {
    name: "S3 lets a retention be lengthened, and never shortened or lifted",
    async run({ locked: place }) {
      const { bucket: Bucket } = place;
      await using opened = open(place);
      const { archive, client } = opened;
      await archive.putCreateOnly({ key: "kept", body: BODY, retainUntilMs: +tomorrow(2) });
      const set = (RetainUntilDate: Date, Mode: "COMPLIANCE" | "GOVERNANCE" = MODE) =>
        refusal(client.send(
          new sdk.PutObjectRetentionCommand({
            Bucket,
            Key: "kept",
            Retention: { Mode, RetainUntilDate },
          }),
        ));
      assert.equal(await set(tomorrow(3)), "done");
      assert.match(await set(tomorrow(1)), LOCKED);
      assert.match(await set(tomorrow(4), "GOVERNANCE"), LOCKED);
      const read = new sdk.GetObjectRetentionCommand({ Bucket, Key: "kept" });
      const { Retention } = await client.send(read);
      assert.deepEqual(Retention, { Mode: MODE, RetainUntilDate: tomorrow(3) });
    },
  },
  {
    name: "S3 keeps an overwritten version as it was, and shows a delete marker in its versions",
    async run({ locked: place }) {
      const { bucket: Bucket } = place;
      await using opened = open(place);
      const { archive, client } = opened;
      const until = tomorrow();
      await archive.putCreateOnly({ key: "v/a", body: BODY, retainUntilMs: +until });
      const [first] = await Array.fromAsync(archive.versions("v/"));
      const Body = encodeUtf8("over it\n");
      await client.send(new sdk.PutObjectCommand({ Bucket, Key: "v/a", Body }));
      const old = { Bucket, Key: "v/a", VersionId: first!.versionId };
      const got = await client.send(new sdk.GetObjectCommand(old));
      assert.deepEqual(await got.Body!.transformToByteArray(), BODY);
      const { Retention } = await client.send(new sdk.GetObjectRetentionCommand(old));
      assert.deepEqual(Retention, { Mode: MODE, RetainUntilDate: until });

      const marker = await client.send(new sdk.DeleteObjectCommand({ Bucket, Key: "v/a" }));
      assert.equal(marker.DeleteMarker, true);
      const get = client.send(new sdk.GetObjectCommand({ Bucket, Key: "v/a" }));
      assert.equal(await refusal(get), "404 NoSuchKey");
      assert.equal(await archive.head("v/a"), null);
      const versions = await Array.fromAsync(archive.versions("v/"));
      assert.equal(versions.length, 3);
      assert.deepEqual(
        versions.filter(({ isDeleteMarker }) => isDeleteMarker).map(({ key }) => key),
        [
          "v/a",
        ],
      );
      // A delete marker opens the key again: only the list of versions shows what is beneath.
      const again = { Bucket, Key: "v/a", Body: BODY, ChecksumSHA256: CHECKSUM, IfNoneMatch: "*" };
      assert.equal(await refusal(client.send(new sdk.PutObjectCommand(again))), "done");
      assert.equal((await Array.fromAsync(archive.versions("v/"))).length, 4);
    },
  },
  {
    name: "S3 without Object Lock says so, and refuses a retention",
    async run({ plain: place }) {
      const { bucket: Bucket } = place;
      await using opened = open(place);
      const { archive, client } = opened;
      const ask = client.send(new sdk.GetObjectLockConfigurationCommand({ Bucket }));
      assert.equal(await refusal(ask), "404 ObjectLockConfigurationNotFoundError");
      assert.equal(await archive.hasObjectLock(), false);
      const put = client.send(
        new sdk.PutObjectCommand({
          Bucket,
          Key: "kept",
          Body: BODY,
          ChecksumSHA256: CHECKSUM,
          ObjectLockMode: MODE,
          ObjectLockRetainUntilDate: tomorrow(),
        }),
      );
      assert.equal(await refusal(put), "400 InvalidRequest");
      await archive.putCreateOnly({ key: "kept", body: BODY, retainUntilMs: +tomorrow() });
      const read = new sdk.GetObjectRetentionCommand({ Bucket, Key: "kept" });
      assert.match(await refusal(client.send(read)), /^40[04] /);
      await client.send(new sdk.DeleteObjectCommand({ Bucket, Key: "kept" }));
      assert.deepEqual(await Array.fromAsync(archive.versions("")), []);
    },
  },
  {
    name: "S3 refuses a retention that has passed already, and one without a date",
    async run({ locked: place }) {
      const { bucket: Bucket } = place;
      await using opened = open(place);
      const put = (lock: Partial<sdk.PutObjectCommandInput>) =>
        refusal(opened.client.send(
          new sdk.PutObjectCommand({
            Bucket,
            Key: "past",
            Body: BODY,
            ChecksumSHA256: CHECKSUM,
            ...lock,
          }),
        ));
      const past = { ObjectLockMode: MODE, ObjectLockRetainUntilDate: tomorrow(-1) };
      assert.match(await put(past), /^400 Invalid(Argument|Request)$/);
      assert.match(await put({ ObjectLockMode: MODE }), /^400 Invalid(Argument|Request)$/);
      await assert.rejects(
        opened.archive.putCreateOnly({ key: "past", body: BODY, retainUntilMs: +tomorrow(-1) }),
        { code: "bucket_settings" },
      );
    },
  },
];
