/** Lists: everything, once, in the order of keys, page by page. */
import assert from "node:assert/strict";
import * as sdk from "@aws-sdk/client-s3";
import type { ContractTest } from "../contract.ts";
import { BODY, open, type S3Place, type S3Target } from "./target.ts";

async function pages(client: sdk.S3Client, place: S3Place, MaxKeys: number) {
  const found: { key: string; versionId: string; isMarker: boolean }[] = [];
  let markers: { KeyMarker?: string; VersionIdMarker?: string } = {};
  for (let isTruncated = true; isTruncated;) {
    const page = await client.send(
      new sdk.ListObjectVersionsCommand({
        Bucket: place.bucket,
        Prefix: "list/",
        MaxKeys,
        ...markers,
      }),
    );
    const versions = page.Versions ?? [];
    const deleted = page.DeleteMarkers ?? [];
    assert.ok(versions.length + deleted.length <= MaxKeys);
    for (const [list, isMarker] of [[versions, false], [deleted, true]] as const) {
      for (const one of list) found.push({ key: one.Key!, versionId: one.VersionId!, isMarker });
    }
    isTruncated = page.IsTruncated === true;
    markers = { KeyMarker: page.NextKeyMarker!, VersionIdMarker: page.NextVersionIdMarker! };
  }
  return found;
}

export const LISTING: readonly ContractTest<S3Target>[] = [
  {
    name: "S3 lists every version and delete marker once, whatever the size of a page",
    async run({ locked: place }) {
      await using opened = open(place);
      const { archive, client } = opened;
      const at = { Bucket: place.bucket };
      // None below another: MinIO keeps objects in folders, and hides what lies below an object.
      const keys = ["list/a", "list/b/c", "list/a-b", "list/é", "list/z z", "list/&<x>"];
      for (const Key of keys) {
        for (let version = 0; version < 3; version += 1) {
          await client.send(new sdk.PutObjectCommand({ ...at, Key, Body: BODY }));
        }
      }
      await client.send(new sdk.DeleteObjectCommand({ ...at, Key: "list/a" }));
      await client.send(new sdk.PutObjectCommand({ ...at, Key: "other", Body: BODY }));
      const whole = await Array.fromAsync(archive.versions("list/"));
      assert.equal(whole.length, 19);
      assert.deepEqual([...new Set(whole.map(({ key }) => key))], keys.toSorted());
      const identify = ({ key, versionId }: { key: string; versionId: string }) =>
        `${key} ${versionId}`;
      for (const size of [1, 2, 5, 19]) {
        const found = await pages(client, place, size);
        assert.deepEqual(
          found.map(identify).sort(),
          whole.map(identify).sort(),
          `pages of ${size}`,
        );
        assert.deepEqual(found.filter(({ isMarker }) => isMarker).map(({ key }) => key), [
          "list/a",
        ]);
      }
    },
  },
  {
    name: "S3 lists current objects in pages",
    async run({ plain: place }) {
      await using opened = open(place);
      const { client } = opened;
      const at = { Bucket: place.bucket };
      for (const Key of ["p/1", "p/2", "p/3"]) {
        await client.send(new sdk.PutObjectCommand({ ...at, Key, Body: BODY }));
      }
      const keys: string[] = [];
      let token: string | undefined;
      do {
        const page: sdk.ListObjectsV2CommandOutput = await client.send(
          new sdk.ListObjectsV2Command({
            ...at,
            Prefix: "p/",
            MaxKeys: 2,
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
        );
        keys.push(...page.Contents?.map(({ Key }) => Key!) ?? []);
        token = page.NextContinuationToken;
        assert.equal(page.IsTruncated, token !== undefined);
      } while (token !== undefined);
      assert.deepEqual(keys, ["p/1", "p/2", "p/3"]);
    },
  },
];
