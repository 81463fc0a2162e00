/** What a bucket says of itself, and of the rights of who asks. */
import assert from "node:assert/strict";
import * as sdk from "@aws-sdk/client-s3";
import { S3Settings } from "../../../src/adapters/s3_settings.ts";
import type { ContractTest } from "../contract.ts";
import { BODY, open, type S3Target, tomorrow } from "./target.ts";

export const SETTINGS: readonly ContractTest<S3Target>[] = [
  {
    name: "S3 says whether a bucket keeps versions and has Object Lock",
    async run({ locked, plain }) {
      for (const place of [locked, plain]) {
        await using opened = open(place);
        const settings = new S3Settings(opened.archive.connection);
        assert.equal(await settings.isVersioned(), place === locked);
        const lock = await settings.objectLock();
        assert.deepEqual(lock, place === locked ? { defaultRetention: null } : null);
        assert.equal(await settings.encryption(), null);
      }
    },
  },
  {
    name:
      "S3 lets the right to delete versions be tried on one that is not there, and nothing goes",
    async run({ locked: place }) {
      const { bucket: Bucket } = place;
      await using opened = open(place);
      const { archive, client } = opened;
      await client.send(new sdk.PutObjectCommand({ Bucket, Key: "there", Body: BODY }));
      const settings = new S3Settings(archive.connection);
      for (const bypass of [false, true]) {
        assert.equal(await settings.mayDeleteVersions(`absent-${bypass}`, bypass), true);
      }
      const versions = await Array.fromAsync(archive.versions(""));
      assert.deepEqual(versions.map(({ key, isDeleteMarker }) => [key, isDeleteMarker]), [
        ["there", false],
      ]);
    },
  },
  {
    name: "S3 tells until when an object is retained, and less than was asked is found",
    async run({ locked: place }) {
      await using opened = open(place);
      const { archive } = opened;
      const until = +tomorrow(2);
      await archive.putCreateOnly({ key: "kept", body: BODY, retainUntilMs: until });
      const stored = await archive.head("kept");
      assert.equal(stored?.retainedUntilMs, until);
      const sha256 = stored.sha256!.toHex();
      const claim = { key: "kept", bytes: BODY.length, sha256, wasSeen: true };
      await archive.requireStored({ ...claim, retainedUntilMs: until });
      await assert.rejects(
        archive.requireStored({ ...claim, retainedUntilMs: until + 86_400_000 }),
        { code: "bucket_settings" },
      );
      await assert.rejects(
        archive.requireStored({ ...claim, key: "gone", retainedUntilMs: null }),
        { code: "audit_broken" },
      );
    },
  },
];
