/** The audit log's way into the archive, and what `audit verify` finds there. */
import assert from "node:assert/strict";
import * as sdk from "@aws-sdk/client-s3";
import type { S3Archive } from "../../../src/adapters/s3.ts";
import type { ContractTest } from "../contract.ts";
import { shipDays, verify } from "./shipping.ts";
import { BODY, open, type S3Place, type S3Target } from "./target.ts";

async function keysOf(archive: S3Archive): Promise<string[]> {
  return (await Array.fromAsync(archive.versions("audit/"))).map(({ key }) => key);
}

async function isRetained(client: sdk.S3Client, { bucket: Bucket }: S3Place, Key: string) {
  const { ObjectLockMode } = await client.send(new sdk.HeadObjectCommand({ Bucket, Key }));
  return ObjectLockMode === "COMPLIANCE";
}

export const AUDIT_PATH: readonly ContractTest<S3Target>[] = [
  {
    name:
      "S3 holds a log that was shipped to it, each object once, and the log proves itself there",
    async run({ locked, plain }) {
      for (const place of [locked, plain]) {
        await using opened = open(place);
        const { archive, client } = opened;
        await shipDays(archive, { days: 2 }, async (ship, { health }) => {
          await ship();
          await ship();
          assert.equal(health.get("audit_upload")?.state, "ok");
        });
        const keys = await keysOf(archive);
        assert.equal(keys.length, 4);
        assert.equal(new Set(keys).size, 4);
        for (const key of keys) {
          assert.equal(await isRetained(client, place, key), place === locked, key);
        }
        const { code, words } = await verify(archive);
        assert.equal(code, 0, words);
        assert.match(words, /^audit log ok: 6 records/);
      }
    },
  },
  {
    name: "S3 that hides a shipped day behind a delete marker is found by audit verify",
    async run({ locked: place }) {
      await using opened = open(place);
      const { archive, client } = opened;
      await shipDays(archive, { days: 2 }, (ship) => ship());
      const [, Key] = await keysOf(archive);
      await client.send(new sdk.DeleteObjectCommand({ Bucket: place.bucket, Key: Key! }));
      const { code, words } = await verify(archive);
      assert.equal(code, 1, words);
      assert.match(words, /it was deleted: delete marker/);
      assert.ok(words.includes(Key!), words);
    },
  },
  {
    name: "S3 that shows other content over a shipped day is found by audit verify",
    async run({ locked: place }) {
      await using opened = open(place);
      const { archive, client } = opened;
      await shipDays(archive, { days: 1 }, (ship) => ship());
      const [, Key] = await keysOf(archive);
      await client.send(new sdk.PutObjectCommand({ Bucket: place.bucket, Key: Key!, Body: BODY }));
      const { code, words } = await verify(archive);
      assert.equal(code, 1, words);
      assert.match(words, /expected one version, found another/);
    },
  },
];
