import assert from "node:assert/strict";
import { checkpointSigner } from "../../src/agent/foundation.ts";
import { chainIdOf } from "../../src/core/audit/chain.ts";
import { signCheckpoint } from "../../src/core/audit/checkpoint.ts";
import { addLeaf, EMPTY_TREE, hashLeaf, type MerkleTree } from "../../src/core/audit/merkle.ts";
import { createLocalJWKSet, jwtVerify } from "jose";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type ConnectorKey, generateKeyPem, keyFromPem } from "../../src/core/connector_key.ts";
import {
  type Heartbeat,
  type RegisterRequest,
  SIGNALS_MEDIA_TYPE,
  type SignalsBatch,
} from "../../src/core/protocol.ts";
import { buildRegisterRequest } from "../../src/core/register_request.ts";
import { StalledError } from "../../src/errors.ts";
import { pushExecute } from "../../src/embedded/control_plane/push.ts";
import { serveTls } from "../../src/embedded/serve.ts";
import { startVault } from "../../src/embedded/vault.ts";
import {
  CLUSTER,
  type ControlPlaneFixture,
  createControlPlaneFixture,
} from "../fakes/control_plane_fixture.ts";

async function requestFrom(
  fixture: ControlPlaneFixture,
  changes: Partial<{ key: ConnectorKey; audience: string; identityToken: string; nowMs: number }> =
    {},
): Promise<RegisterRequest> {
  return await buildRegisterRequest({
    key: fixture.key,
    audience: fixture.controlPlane.url,
    identityToken: await fixture.vaultSession.identityToken(fixture.signal),
    cluster: CLUSTER,
    nowMs: fixture.clock.now(),
    jti: crypto.randomUUID(),
    ...changes,
  });
}

async function assertRejected(
  fixture: ControlPlaneFixture,
  request: RegisterRequest,
  reason: RegExp,
): Promise<void> {
  await assert.rejects(fixture.api.register(request, fixture.signal), (error: StalledError) => {
    assert.equal(error.code, "identity_rejected");
    assert.match(error.message, reason);
    return true;
  });
  assert.equal(fixture.controlPlane.registrations.length, 0);
}

Deno.test("registration is refused when another key made the proof of possession", async () => {
  await using fixture = await createControlPlaneFixture();
  const thief = await keyFromPem(await generateKeyPem());
  const { proof } = await requestFrom(fixture, { key: thief });
  const request = await requestFrom(fixture);
  await assertRejected(fixture, { ...request, proof }, /proof: signature verification failed/);
});

Deno.test("registration is refused when the proof is for another identity token", async () => {
  await using fixture = await createControlPlaneFixture();
  const { proof } = await requestFrom(fixture, { identityToken: "a.b.c" });
  const request = await requestFrom(fixture);
  await assertRejected(fixture, { ...request, proof }, /another identity token/);
});

Deno.test("registration is refused when the proof is for another audience, or old", async () => {
  await using fixture = await createControlPlaneFixture();
  await assertRejected(
    fixture,
    await requestFrom(fixture, { audience: "https://elsewhere" }),
    /proof: .*aud/,
  );
  await assertRejected(
    fixture,
    await requestFrom(fixture, { nowMs: fixture.clock.now() - 600_000 }),
    /proof: .*exp/,
  );
});

Deno.test("registration is refused when the key id is not the key's", async () => {
  await using fixture = await createControlPlaneFixture();
  const request = await requestFrom(fixture);
  const publicKey = { ...request.publicKey, kid: "someone-else" };
  await assertRejected(fixture, { ...request, publicKey }, /thumbprint/);
});

Deno.test("registration is refused when another Vault signed the identity", async () => {
  await using fixture = await createControlPlaneFixture();
  const other = await startVault({ pki: fixture.pki, clock: fixture.clock });
  const client = fixture.runtime.http.client({ caPem: fixture.pki.caPem });
  const answer = await client.fetch(`${other.url}/v1/identity/oidc/token/neuralops-connector`, {
    headers: { "x-vault-token": other.createToken() },
  });
  const { data } = await answer.json();
  client.close();
  await other.close();
  await assertRejected(
    fixture,
    await requestFrom(fixture, { identityToken: data.token }),
    /identity token: /,
  );
});

Deno.test("registration takes a proof once only", async () => {
  await using fixture = await createControlPlaneFixture();
  const request = await requestFrom(fixture);
  await fixture.api.register(request, fixture.signal);
  await assert.rejects(fixture.api.register(request, fixture.signal), /used before/);
  assert.equal(fixture.controlPlane.registrations.length, 1);
});

Deno.test("every call but registration needs an access token", async () => {
  await using fixture = await createControlPlaneFixture();
  const client = fixture.runtime.http.client({ caPem: fixture.pki.caPem });
  for (
    const [method, path] of [
      ["POST", "/signals"],
      ["PUT", "/healthz"],
      ["GET", "/commands"],
      ["POST", "/executions/x/receipts"],
    ] as const
  ) {
    for (const authorization of ["", "Bearer a.b.c", "Basic eA=="]) {
      const answer = await client.fetch(`${fixture.controlPlane.url}${path}`, {
        method,
        headers: { authorization },
      });
      assert.equal(answer.status, 401);
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
      assert.equal((await answer.json()).code, "unauthenticated");
    }
  }
  client.close();
});

async function startRegistered() {
  const fixture = await createControlPlaneFixture({ accessLifetimeSeconds: 900 });
  fixture.start(fixture.registration);
  const { clusterId, orchestrator } = await fixture.session.ready(fixture.signal);
  await fixture.clock.whenSleeping();
  return Object.assign(fixture, { clusterId, orchestrator });
}

function batchOf(clusterId: string, values: SignalsBatch["series"][0]["values"], batchId = "b-1") {
  return {
    schema: "neuralops.io/signals/v1",
    clusterId,
    batchId,
    query: { name: "up", expr: "up" },
    window: { startMs: 60_000, endMs: 60_000 + (values.length - 1) * 15_000, stepMs: 15_000 },
    series: [{ labels: { job: "node" }, values }],
    histograms: [],
    gaps: [{ startMs: 0, endMs: 15_000, reason: "source_error", detail: "500" }],
  } satisfies SignalsBatch;
}

function headersOf(encoding: string, batchId: string): Record<string, string> {
  return {
    "content-type": SIGNALS_MEDIA_TYPE,
    "content-encoding": encoding,
    "idempotency-key": batchId,
  };
}

function sendBatch(fixture: ControlPlaneFixture, batch: SignalsBatch, encoding: "gzip" | "zstd") {
  const bytes = new TextEncoder().encode(JSON.stringify(batch));
  const body = new Uint8Array(encoding === "gzip" ? gzipSync(bytes) : zstdCompressSync(bytes));
  return fixture.api.send({ body, headers: headersOf(encoding, batch.batchId) }, fixture.signal);
}

Deno.test("signals are stored point by point, and once however often they come", async () => {
  await using fixture = await startRegistered();
  const { signals } = fixture.controlPlane;
  const batch = batchOf(fixture.clusterId, [1, null, "NaN"]);
  await sendBatch(fixture, batch, "zstd");
  await sendBatch(fixture, batch, "gzip");
  assert.deepEqual(signals.points("up"), [
    { labels: { job: "node" }, timestampMs: 60_000, value: 1 },
    { labels: { job: "node" }, timestampMs: 90_000, value: "NaN" },
  ]);
  assert.equal(signals.duplicates, 1);
  assert.equal(signals.gaps.length, 1);
  await assert.rejects(sendBatch(fixture, batchOf(fixture.clusterId, [2]), "gzip"), /409/);
  assert.equal(signals.conflicts, 1);
  await sendBatch(fixture, batchOf(fixture.clusterId, [2], "b-2"), "gzip");
  assert.equal(signals.changedPoints, 1);
});

Deno.test("signals that are wrong, foreign or bombs are refused", async () => {
  await using fixture = await startRegistered();
  const { clusterId } = fixture;
  await assert.rejects(
    sendBatch(fixture, batchOf("c-other", [1]), "zstd"),
    { code: "access_denied" },
  );
  const uneven = batchOf(clusterId, [1, 2]);
  uneven.window.endMs += 15_000;
  await assert.rejects(sendBatch(fixture, uneven, "zstd"), { code: "malformed_request" });
  const bomb = new Uint8Array(zstdCompressSync(new Uint8Array(100 * 1024 * 1024)));
  await assert.rejects(
    fixture.api.send({ body: bomb, headers: headersOf("zstd", "bomb") }, fixture.signal),
    { code: "malformed_request" },
  );
  assert.equal(fixture.controlPlane.signals.batches.length, 0);
});

function heartbeatOf(clusterId: string, sequence: number, audit: Heartbeat["audit"] = null) {
  return {
    schema: "neuralops.io/heartbeat/v1",
    clusterId,
    sequence,
    sentAtMs: 0,
    version: "0.1.0",
    parts: [],
    signals: [],
    executions: { open: 0, pendingApproval: 0 },
    audit,
  } satisfies Heartbeat;
}

Deno.test("heartbeats must rise, and carry a signed checkpoint or none", async () => {
  await using fixture = await startRegistered();
  const { clusterId } = fixture;
  const send = (heartbeat: Heartbeat) => fixture.api.sendHeartbeat(heartbeat, 5000, fixture.signal);
  await send(heartbeatOf(clusterId, 1));
  await assert.rejects(send(heartbeatOf(clusterId, 1)), { code: "malformed_request" });
  const audit = { size: 3, checkpoint: "unsigned", consistency: null, chains: [] };
  await assert.rejects(send(heartbeatOf(clusterId, 2, audit)), /no signed checkpoint/);
  const signer = checkpointSigner(fixture.key);
  const tree = [1, 2, 3].reduce<MerkleTree>(
    (tree, leaf) => addLeaf(tree, hashLeaf(new Uint8Array([leaf]))),
    EMPTY_TREE,
  );
  const checkpoint = await signCheckpoint(tree, signer);
  assert.equal(await send(heartbeatOf(clusterId, 2, { ...audit, checkpoint })), null);
  const chain = chainIdOf(signer.publicKey);
  assert.equal(fixture.controlPlane.audit.held(clusterId, chain)!.size, 3);
  const larger = await signCheckpoint(addLeaf(tree, new Uint8Array(32)), signer);
  const answer = await send(heartbeatOf(clusterId, 3, { ...audit, size: 4, checkpoint: larger }));
  assert.equal(answer, 3, "it names the size that it holds");
  assert.equal(fixture.controlPlane.heartbeats.length, 2);
  const smaller = await signCheckpoint(EMPTY_TREE, signer);
  await send(heartbeatOf(clusterId, 3, { ...audit, size: 0, checkpoint: smaller }));
  assert.equal(fixture.controlPlane.heartbeats.length, 3, "an alarm is no reason to lose the beat");
  assert.deepEqual(fixture.controlPlane.audit.alarms.map(({ kind }) => kind), ["rollback"]);
});

Deno.test("access tokens end on the control plane's clock", async () => {
  await using fixture = await startRegistered();
  const { accessToken } = fixture.session.current()!;
  fixture.clock.step(901_000);
  await assert.rejects(
    fixture.api.sendHeartbeat(heartbeatOf(fixture.clusterId, 1), 5000, fixture.signal),
    { code: "unavailable" },
  );
  const renewed = await fixture.session.ready(fixture.signal);
  assert.notEqual(renewed.accessToken, accessToken);
});

Deno.test("the Orchestrator's token verifies with the JWKS of the registration, and is pushed", async () => {
  await using fixture = await startRegistered();
  const token = await fixture.controlPlane.orchestratorToken({ audience: fixture.clusterId });
  const { jwks, issuer } = fixture.orchestrator;
  const { payload } = await jwtVerify(
    token,
    createLocalJWKSet({ keys: jwks.keys.map((key) => ({ ...key, kty: String(key["kty"]) })) }),
    { issuer, audience: fixture.clusterId, currentDate: new Date(fixture.clock.now()) },
  );
  assert.equal(payload.exp! - payload.iat!, 300);
  const listener = await serveTls(fixture.pki, "listener", async (request) =>
    Response.json({
      authorization: request.headers.get("authorization"),
      body: await request.json(),
    }, { status: 202 }));
  const request = { payload: "e30=", bundle: { mediaType: "x" } };
  const answer = await pushExecute(listener.url, fixture.pki.caPem, request, token);
  await listener.close();
  assert.deepEqual(answer, {
    status: 202,
    body: { authorization: `Bearer ${token}`, body: request },
  });
});
