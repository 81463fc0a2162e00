import assert from "node:assert/strict";
import { Anchors } from "../../src/core/audit/anchors.ts";
import { followArchive } from "../../src/core/audit/archive.ts";
import type { Archive } from "../../src/core/audit/shipping.ts";
import type { Bucket } from "../../src/embedded/s3/bucket.ts";
import { shipDays } from "../contract/s3/shipping.ts";
import { createS3Fixture, type S3Fixture } from "../fakes/s3.ts";

const DAYS = 3;
const WHOLE = { createOnly: false, checksumSha256: null, retainUntil: null };

async function judge(archive: Archive, note?: string): Promise<string> {
  const anchors = new Anchors();
  if (note !== undefined) anchors.add({ label: "kept elsewhere", note });
  try {
    const place = { prefix: "audit", chainId: null, publicKey: null };
    const state = await followArchive(
      archive,
      place,
      anchors,
      (_, state) => anchors.compare(state),
    );
    anchors.finish("audit/", state);
    return "whole";
  } catch (error) {
    return (error as Error).message;
  }
}

/** The same without HTTP, for what is tried a thousand times. */
function direct(bucket: Bucket): Archive {
  return {
    async *versions(prefix) {
      for (const { key, versionId, body } of bucket.versions(prefix)) {
        yield { key, versionId, isDeleteMarker: body === null };
      }
    },
    async *get(key) {
      yield bucket.find(key, null).body!;
    },
  };
}

async function withLog(
  settings: Parameters<typeof createS3Fixture>[0],
  work: (remote: S3Fixture, note: string) => Promise<void>,
): Promise<void> {
  await using remote = await createS3Fixture(settings);
  await shipDays(remote.archive, { days: DAYS }, (ship) => ship());
  const last = remote.s3.objects().findLast(({ key }) => key.endsWith(".checkpoint"))!;
  await work(remote, new TextDecoder().decode(last.body!));
}

Deno.test("audit verify finds each object of the archive that is missing, hidden or written over", () =>
  withLog({ versioning: true }, async ({ archive, s3 }, note) => {
    const { bucket } = s3;
    assert.equal(await judge(archive, note), "whole");
    const objects = s3.objects();
    assert.equal(objects.length, 2 * DAYS);
    for (const { key, body, versionId } of objects) {
      const other = body!.with(10, body![10]! ^ 1);
      const harms: Record<string, [act: () => void, undo: () => void]> = {
        "hidden by a delete marker": [
          () => bucket.remove(key, null),
          () => bucket.remove(key, bucket.versions(key)[0]!.versionId),
        ],
        "hidden, and written again": [
          () => (bucket.remove(key, null), bucket.put(key, body!, WHOLE)),
          () => {
            for (const { versionId } of bucket.versions(key).slice(0, 2)) {
              bucket.remove(key, versionId);
            }
          },
        ],
        "written over": [
          () => bucket.put(key, other, WHOLE),
          () => bucket.remove(key, bucket.versions(key)[0]!.versionId),
        ],
        "written over with the same bytes": [
          () => bucket.put(key, body!, WHOLE),
          () => bucket.remove(key, bucket.versions(key)[0]!.versionId),
        ],
        "missing": [
          () => bucket.remove(key, versionId),
          () => bucket.put(key, body!, WHOLE),
        ],
      };
      for (const [harm, [act, undo]] of Object.entries(harms)) {
        act();
        const found = await judge(archive, note);
        assert.notEqual(found, "whole", `${key} ${harm}`);
        assert.match(found, /0000000\d|audit log|records/, `${key} ${harm}`);
        undo();
      }
    }
  }));

Deno.test("audit verify finds each missing day, and the last one by a checkpoint kept elsewhere", () =>
  withLog({}, async ({ archive, s3 }, note) => {
    const days = [...new Set(s3.objects().map(({ key }) => key.replace(/\.\w+$/, "")))];
    for (const day of days) {
      const kept = s3.objects().filter(({ key }) => key.startsWith(day));
      for (const { key } of kept) s3.bucket.remove(key, null);
      assert.notEqual(await judge(archive, note), "whole", day);
      if (day !== days.at(-1)) assert.notEqual(await judge(archive), "whole", day);
      for (const { key, body } of kept) s3.bucket.put(key, body!, WHOLE);
    }
    assert.equal(await judge(archive, note), "whole");
    // Two days that changed places, and one that is there a second time.
    const bodies = s3.objects().filter(({ key }) => key.endsWith("jsonl"));
    const [first, second] = [bodies[0]!, bodies[1]!];
    s3.bucket.put(first.key, second.body!, WHOLE);
    assert.notEqual(await judge(archive, note), "whole");
    s3.bucket.put(first.key, first.body!, WHOLE);
    const doubled = first.key.replace("2026-11-22", "2026-11-21");
    s3.bucket.put(doubled, first.body!, WHOLE);
    s3.bucket.put(doubled.replace("jsonl", "checkpoint"), s3.objects()[0]!.body!, WHOLE);
    assert.notEqual(await judge(archive, note), "whole");
  }));

Deno.test("audit verify finds every flipped byte in the archive", () =>
  withLog({}, async ({ s3 }) => {
    const archive = direct(s3.bucket);
    assert.equal(await judge(archive), "whole");
    let flips = 0;
    for (const { key, body } of s3.objects()) {
      for (let index = 0; index < body!.length; index++) {
        s3.bucket.put(key, body!.with(index, body![index]! ^ 1), WHOLE);
        assert.notEqual(await judge(archive), "whole", `${key}, byte ${index}`);
        flips += 1;
      }
      for (const cut of [0, 1, body!.length - 1]) {
        s3.bucket.put(key, body!.slice(0, cut), WHOLE);
        assert.notEqual(await judge(archive), "whole", `${key}, cut to ${cut}`);
      }
      s3.bucket.put(key, body!, WHOLE);
    }
    assert.equal(await judge(archive), "whole");
    assert.ok(flips > 4000, `${flips}`);
  }));
