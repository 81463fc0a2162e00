import assert from "node:assert/strict";
import { examine } from "../../src/agent/doctor/doctor.ts";
import type { Config } from "../../src/config/schema.ts";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { start, withWorld } from "../fakes/agent_world.ts";
import { runCli } from "../fakes/cli_io.ts";
import { createS3Fixture, type S3Fixture } from "../fakes/s3.ts";

const DAY_MS = 86_400_000;

async function look(config: Config): Promise<Record<string, string>> {
  const findings = await examine(config, { runtime: systemRuntime(), env: () => undefined });
  return Object.fromEntries(
    findings.map(({ check, result, detail }) => [check, `${result}: ${detail}`]),
  );
}

/** The archive's part of a configuration, for the fixture's server. */
async function archiveOf({ s3 }: S3Fixture, folder: string, caPem: string) {
  const [caFile, credentialsFile] = [`${folder}/s3-ca.pem`, `${folder}/s3.json`];
  await Deno.writeTextFile(caFile, caPem);
  const accessKeyId = "AKIDEXAMPLE";
  const secretAccessKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY";
  await Deno.writeTextFile(credentialsFile, JSON.stringify({ accessKeyId, secretAccessKey }));
  const { name: bucket } = s3.bucket.options;
  const fixed = { bucket, region: "us-east-1", pathStyle: true, retention: 365 * DAY_MS };
  return { ...fixed, endpoint: s3.url, caFile, credentialsFile, prefix: "audit" };
}

Deno.test("doctor finds nothing wrong with a world in which the agent runs", () =>
  withWorld(async (world) => {
    const agent = await start(world);
    await agent.stop();
    const { stateDir } = world.config;
    await using remote = await createS3Fixture({ objectLock: true, mayDelete: false });
    const s3 = await archiveOf(remote, stateDir, remote.caPem);
    const config = { ...world.config, audit: { ...world.config.audit, s3 } };
    const found = await look(config);
    for (const part of ["configuration", "state directory", "audit reserve", "vault", "s3"]) {
      assert.match(found[part]!, /^ok: /, part);
    }
    assert.match(found["vault identity"]!, /^ok: role/);
    assert.match(found["control plane"]!, /^ok: .*answers/);
    assert.match(found["s3 versions"]!, /^ok/);
    assert.match(found["s3 object lock"]!, /^ok: each object is retained for 365 days/);
    assert.match(found["s3 rights"]!, /^ok/);
    assert.match(found["s3 newest day"]!, /^skip: nothing was shipped yet/);
    assert.match(found["s3 encryption"]!, /^warn/);
    assert.deepEqual(
      (await Array.fromAsync(Deno.readDir(stateDir))).filter(({ name }) => /doctor/.test(name)),
      [],
    );
  }));

Deno.test("doctor says what a bucket lacks, and what is retained for too short a time", () =>
  withWorld(async (world) => {
    const { stateDir } = world.config;
    await Deno.mkdir(stateDir, { recursive: true });
    await using plain = await createS3Fixture();
    const without = await archiveOf(plain, stateDir, plain.caPem);
    const base = world.config;
    const bad = await look({ ...base, audit: { ...base.audit, s3: without } });
    assert.match(bad["s3 versions"]!, /^fail: not kept/);
    assert.match(bad["s3 object lock"]!, /^fail: the bucket has none/);
    assert.match(bad["s3 rights"]!, /^warn: the access key may delete versions/);
    assert.match(bad["audit reserve"]!, /^warn/);

    await using locked = await createS3Fixture({ objectLock: true });
    const s3 = await archiveOf(locked, stateDir, locked.caPem);
    const config = { ...base, audit: { ...base.audit, s3 } };
    const day = new Date().toISOString().slice(0, 10);
    const name = `audit/${"a".repeat(64)}/${day}/${"1".padStart(20, "0")}-${"2".padStart(20, "0")}`;
    const put = (days: number) => {
      const retainUntil = new Date(Date.now() + days * DAY_MS);
      const body = encodeUtf8(`${days}`);
      const options = { createOnly: false, checksumSha256: null, retainUntil };
      locked.s3.bucket.put(`${name}.jsonl`, body, options);
    };
    put(366);
    assert.match((await look(config))["s3 newest day"]!, /^ok: /);
    put(300);
    assert.match((await look(config))["s3 newest day"]!, /^fail: .* only$/);
    locked.s3.bucket.remove(`${name}.jsonl`, null);
    assert.match((await look(config))["s3 newest day"]!, /^fail: .*hidden by a delete marker/);
  }));

Deno.test("doctor names each peer that cannot be reached, and what to do", () =>
  withWorld(async (world) => {
    const { config } = world;
    const nowhere = "https://127.0.0.1:1";
    const found = await look({
      ...config,
      stateDir: `${config.stateDir}/not-there`,
      vault: { ...config.vault, address: nowhere },
      controlPlane: { ...config.controlPlane, url: nowhere },
      audit: { keepLocal: 0, shipEvery: 1000 },
    });
    assert.match(found.vault!, /^fail: .*127\.0\.0\.1:1/);
    assert.match(found["control plane"]!, /^fail: /);
    assert.match(found["state directory"]!, /^warn: .*is not there yet/);
    assert.match(found.s3!, /^skip: no audit\.s3/);
  }));

Deno.test("doctor prints a table or JSON, and fails with the worst of it", async () => {
  const files = { "/e/c.yaml": "clusterName: [" };
  const text = await runCli(["doctor", "--config", "/e/c.yaml"], { files });
  assert.equal(text.exitCode, 1);
  const [head, row] = text.out.split("\n");
  assert.match(head!, /^CHECK +RESULT +DETAIL +FIX$/);
  assert.match(row!, /^configuration +fail +/);
  const json = await runCli(["doctor", "--config", "/e/c.yaml", "-o", "json"], { files });
  const { ok, checks } = JSON.parse(json.out);
  assert.equal(ok, false);
  assert.deepEqual([checks[0].check, checks[0].result], ["configuration", "fail"]);
});
