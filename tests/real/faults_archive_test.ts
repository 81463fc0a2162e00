/** A real S3 behind faults: what is shipped arrives exactly once, and no call waits for ever. */
import assert from "node:assert/strict";
import * as sdk from "@aws-sdk/client-s3";
import { FaultProxy } from "../../scripts/testbed/fault_proxy.ts";
import { TransientError } from "../../src/errors.ts";
import { shipDays, verify } from "../contract/s3/shipping.ts";
import { open, type Opened, type S3Place } from "../contract/s3/target.ts";
import { realTest } from "./peers.ts";
import { openRealS3 } from "./s3_target.ts";
import { within } from "./waiting.ts";

/** Segments of about 200 KB. */
const LOG = { days: 1, entries: 500 };
const CALL_MS = 1000;
const LIMIT_MS = 20_000;

async function withProxy(
  work: (proxy: FaultProxy, opened: Opened, place: S3Place) => Promise<void>,
): Promise<void> {
  await using target = await openRealS3();
  await using proxy = await FaultProxy.start(target.locked.endpoint);
  await using opened = open({ ...target.locked, endpoint: proxy.url }, { timeoutMs: CALL_MS });
  await work(proxy, opened, target.locked);
}

async function assertOnce({ archive }: Opened): Promise<void> {
  const keys = (await Array.fromAsync(archive.versions("audit/"))).map(({ key }) => key);
  assert.equal(keys.length, 2, keys.join(", "));
  assert.equal(new Set(keys).size, 2, keys.join(", "));
  const { code, words } = await verify(archive);
  assert.equal(code, 0, words);
}

const fails = (what: string, work: Promise<void>) =>
  within(LIMIT_MS, what, assert.rejects(work, TransientError));

realTest(
  "S3 cut in mid-PUT holds the day once after the next try",
  ["S3 (MinIO)"],
  () =>
    withProxy(async (proxy, opened) => {
      await shipDays(opened.archive, LOG, async (ship) => {
        proxy.requests.cutAfterBytes = 50_000;
        await fails("the cut PUT", ship());
        await proxy.heal();
        await ship();
      });
      await assertOnce(opened);
    }),
);

realTest(
  "S3 reset in mid-PUT holds the day once after the next try",
  ["S3 (MinIO)"],
  () =>
    withProxy(async (proxy, opened) => {
      await shipDays(opened.archive, LOG, async (ship) => {
        proxy.requests.bytesPerSecond = 60_000;
        const shipping = fails("the reset PUT", ship());
        await within(
          LIMIT_MS,
          "a part of the body",
          proxy.until(() => proxy.sent.requests > 30_000),
        );
        proxy.reset();
        await shipping;
        await proxy.heal();
        await ship();
      });
      await assertOnce(opened);
    }),
);

realTest(
  "S3 whose answer is lost holds the day once after the next try",
  ["S3 (MinIO)"],
  () =>
    withProxy(async (proxy, opened, place) => {
      await using direct = open(place);
      await shipDays(opened.archive, LOG, async (ship) => {
        // So that the connection stands before answers are held back.
        await opened.archive.hasObjectLock();
        proxy.answers.latencyMs = LIMIT_MS;
        await fails("the PUT without an answer", ship());
        const stored = await Array.fromAsync(direct.archive.versions("audit/"));
        assert.equal(stored.length, 1, "the server has what the connector does not know of");
        await proxy.heal();
        proxy.reset();
        await ship();
      });
      await assertOnce(opened);
    }),
);

realTest(
  "S3 that falls silent ends each call in time",
  ["S3 (MinIO)"],
  () =>
    withProxy(async (proxy, { archive, client }, { bucket: Bucket }) => {
      const Body = new Uint8Array(300_000);
      await client.send(new sdk.PutObjectCommand({ Bucket, Key: "large", Body }));
      proxy.stall();
      const head = archive.head("large").then(() => {});
      await fails("HEAD", head);
      proxy.resume();
      proxy.answers.bytesPerSecond = 100_000;
      const reading = Array.fromAsync(archive.get("large")).then(() => {});
      const failure = fails("GET in mid-body", reading);
      const from = proxy.sent.answers;
      await within(LIMIT_MS, "a part of it", proxy.until(() => proxy.sent.answers > from + 60_000));
      proxy.stall();
      await failure;
    }),
);
