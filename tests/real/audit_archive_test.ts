/** Yesterday's log, shipped by the agent's own process to a real S3 that breaks off, and verified from there. */
import assert from "node:assert/strict";
import * as sdk from "@aws-sdk/client-s3";
import { FaultProxy } from "../../scripts/testbed/fault_proxy.ts";
import { open, type S3Place } from "../contract/s3/target.ts";
import { createEntry } from "../fakes/audit.ts";
import { FakeClock } from "../fakes/fake_clock.ts";
import { cli } from "./agent_process.ts";
import { openLog } from "./audit_log.ts";
import type { Ground } from "./ground.ts";
import { realTest } from "./peers.ts";
import { withAgent, withGround } from "./running_agent.ts";
import { openRealS3 } from "./s3_target.ts";

const DAY_MS = 86_400_000;
/** About 200 KB. */
const ENTRIES = 500;

realTest("agent ships a day to a real S3 once, whatever breaks off, and it is verified there", [
  "S3 (MinIO)",
], () =>
  withGround(async (ground) => {
    await using target = await openRealS3();
    const place = target.locked;
    await liveYesterday(ground);
    await using proxy = await FaultProxy.start(place.endpoint);
    proxy.requests.cutAfterBytes = 60_000;
    const { bucket, caPem, accessKeyId, secretAccessKey } = place;
    const credentialsFile = await ground.write(
      "s3.json",
      JSON.stringify({ accessKeyId, secretAccessKey }),
    );
    const caFile = await ground.write("s3-ca.pem", caPem);
    const s3 = { bucket, endpoint: proxy.url, pathStyle: true, caFile, credentialsFile };
    await withAgent(ground, { audit: { s3, shipEvery: "200ms" } }, async ({ agent }) => {
      await agent.untilEvent("audit_upload_failed", ({ reason }) => /PUT/.test(String(reason)));
      await proxy.heal();
      await agent.untilEvent("audit_segment_shipped");
    });
    // The rest of it, today's, went there when the agent was asked to stop.
    await using opened = open(place);
    const keys = (await Array.fromAsync(opened.archive.versions(""))).map(({ key }) => key);
    assert.equal(keys.length, 4, keys.join(", "));
    assert.equal(new Set(keys).size, 4);

    const verify = () =>
      cli(
        ...["audit", "verify", "--from", `s3://${bucket}/audit`, "--path-style"],
        ...["--endpoint", place.endpoint, "--ca-file", caFile, "--credentials", credentialsFile],
      );
    const good = await verify();
    assert.equal(good.code, 0, good.stderr);
    assert.match(good.stdout, /audit log ok: 5[01]\d records/);

    await hide(place, keys[1]!);
    const hidden = await verify();
    assert.equal(hidden.code, 1, hidden.stdout);
    assert.match(hidden.stderr, /audit log NOT ok: .*it was deleted: delete marker/);
  }));

async function liveYesterday({ stateDir }: Ground): Promise<void> {
  const audit = await openLog(stateDir, new FakeClock(Date.now() - DAY_MS));
  for (let entry = 0; entry < ENTRIES; entry += 1) await audit.record(createEntry(entry));
  await audit.close();
}

async function hide(place: S3Place, Key: string): Promise<void> {
  await using opened = open(place);
  await opened.client.send(new sdk.DeleteObjectCommand({ Bucket: place.bucket, Key }));
}
