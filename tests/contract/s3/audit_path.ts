/** The audit log's way into the archive, and what `audit verify` finds there. */
import assert from "node:assert/strict";
import * as sdk from "@aws-sdk/client-s3";
import type { S3Archive } from "../../../src/adapters/s3.ts";
import { runAuditVerify } from "../../../src/cli/audit.ts";
import { JsonLogger, SecretMask } from "../../../src/log.ts";
import { type AuditUploadOptions, shipSealed } from "../../../src/loops/audit_upload.ts";
import { systemRandom } from "../../../src/runtime_deno.ts";
import { systemFiles } from "../../../src/runtime_deno/files.ts";
import { type AuditFixture, createAuditFixture, createEntry } from "../../fakes/audit.ts";
import type { ContractTest } from "../contract.ts";
import { BODY, open, type S3Place, type S3Target } from "./target.ts";

const DAY_MS = 86_400_000;
const FOREVER = new AbortController().signal;

/** Ships days of a log that lives as long as the work. */
async function shipDays(
  store: S3Archive,
  days: number,
  work: (ship: () => Promise<void>, fixture: AuditFixture) => Promise<void>,
): Promise<void> {
  await using fixture = await createAuditFixture();
  const { clock, health, metrics } = fixture;
  const log = new JsonLogger(clock, () => {}, "error", new SecretMask());
  const audit = await fixture.open();
  try {
    for (let day = 0; day < days; day += 1) {
      await audit.record(createEntry(day));
      clock.advance(DAY_MS);
    }
    const fixed = { audit, store, clock, random: systemRandom, health, log, metrics };
    const options: AuditUploadOptions = {
      ...fixed,
      prefix: "audit",
      retentionMs: 3650 * DAY_MS,
      keepLocalMs: 30 * DAY_MS,
    };
    await work(() => shipSealed(options, FOREVER), fixture);
  } finally {
    await audit.close();
  }
}

async function verify(archive: S3Archive): Promise<{ code: number; words: string }> {
  const words: string[] = [];
  const keep = (line: string) => void words.push(line);
  const code = await runAuditVerify({
    source: { archive, prefix: "audit", chainId: null },
    checkpoints: [],
    output: "text",
  }, {
    print: keep,
    printError: keep,
    readFile: (path) => Deno.readFile(path),
    files: systemFiles,
  });
  return { code, words: words.join("\n") };
}

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
        await shipDays(archive, 2, async (ship, { health }) => {
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
      await shipDays(archive, 2, (ship) => ship());
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
      await shipDays(archive, 1, (ship) => ship());
      const [, Key] = await keysOf(archive);
      await client.send(new sdk.PutObjectCommand({ Bucket: place.bucket, Key: Key!, Body: BODY }));
      const { code, words } = await verify(archive);
      assert.equal(code, 1, words);
      assert.match(words, /expected one version, found another/);
    },
  },
];
