/** What the control plane lets a collector do: speak of its node, and nothing else. */
import assert from "node:assert/strict";
import { encodeBatch } from "../../src/core/signals/batch.ts";
import { SignalsRequest } from "../../src/core/signals/pack/signals_batch.ts";
import type { Heartbeat } from "../../src/core/protocol.ts";
import { buildRegisterRequest } from "../../src/core/register_request.ts";
import {
  CLUSTER,
  type ControlPlaneFixture,
  createControlPlaneFixture,
} from "../fakes/control_plane_fixture.ts";

async function registerAs(fixture: ControlPlaneFixture, node: string | null) {
  const request = await requestAs(fixture, node);
  const answer = await fixture.api.register(request, fixture.signal);
  fixture.session.set({
    clusterId: answer.clusterId,
    orchestrator: answer.orchestrator,
    accessToken: answer.accessToken,
    expiresAtMonotonicMs: Infinity,
    heartbeatMs: 1000,
  });
  return answer;
}

const requestAs = async (fixture: ControlPlaneFixture, node: string | null) =>
  await buildRegisterRequest({
    key: fixture.key,
    audience: fixture.controlPlane.url,
    identityToken: await fixture.vaultSession.identityToken(fixture.signal),
    cluster: CLUSTER,
    nowMs: fixture.clock.now(),
    jti: crypto.randomUUID(),
    ...(node === null ? {} : { collector: { node } }),
  });

async function sendBatch(fixture: ControlPlaneFixture, node: string | undefined, value: number) {
  const { clusterId } = fixture.session.identity()!;
  const window = { startMs: 60_000, endMs: 60_000, stepMs: 1000 };
  const packed = { clusterId, node, query: { name: "load", expr: "node_load1" }, window };
  const series = [{ labels: "{}", values: [value], histograms: [] }];
  const batch = await SignalsRequest.pack(
    packed,
    encodeBatch({ ...packed, series, gaps: [] }),
    "zstd",
  );
  await fixture.api.send(batch, fixture.signal);
  return batch.batchId;
}

function beat(fixture: ControlPlaneFixture, node: string | undefined, sequence: number) {
  const heartbeat: Heartbeat = {
    schema: "neuralops.io/heartbeat/v1",
    clusterId: fixture.session.identity()!.clusterId,
    ...(node === undefined ? {} : { node }),
    sequence,
    sentAtMs: 0,
    version: "0.1.0",
    parts: [],
    signals: [],
    executions: { open: 0, pendingApproval: 0 },
    audit: null,
  };
  return fixture.api.sendHeartbeat(heartbeat, 10_000, fixture.signal);
}

const DENIED = { code: "access_denied" };

Deno.test("a collector registers beside the cluster, not instead of it", async () => {
  await using fixture = await createControlPlaneFixture();
  const { controlPlane, key } = fixture;
  const cluster = await registerAs(fixture, null);
  const node = await registerAs(fixture, "worker-1");
  assert.equal(node.clusterId, cluster.clusterId);
  assert.equal(controlPlane.registrations.length, 1);
  assert.deepEqual(controlPlane.collectors.map(({ request }) => request.collector), [
    { node: "worker-1" },
  ]);
  assert.equal(controlPlane.collectors[0]!.keyId, key.jwk.kid);
});

Deno.test("a collector sends its node's signals and heartbeats, and nobody else's", async () => {
  await using fixture = await createControlPlaneFixture();
  const { controlPlane } = fixture;
  await registerAs(fixture, "worker-1");
  await sendBatch(fixture, "worker-1", 1);
  await beat(fixture, "worker-1", 1);
  await assert.rejects(sendBatch(fixture, "worker-2", 2), DENIED);
  await assert.rejects(sendBatch(fixture, undefined, 3), DENIED);
  await assert.rejects(beat(fixture, "worker-2", 2), DENIED);
  await assert.rejects(beat(fixture, undefined, 3), DENIED);
  assert.equal(controlPlane.signals.batches.length, 1);
  assert.deepEqual(controlPlane.nodeHeartbeats.map(({ heartbeat }) => heartbeat.node), [
    "worker-1",
  ]);
  assert.equal(controlPlane.heartbeats.length, 0);
});

Deno.test("a collector can neither read commands nor hand in receipts", async () => {
  await using fixture = await createControlPlaneFixture();
  const { api, signal, controlPlane } = fixture;
  controlPlane.enqueueCommand({ type: "execute", data: {} });
  await registerAs(fixture, "worker-1");
  await assert.rejects(api.pollCommands(null, 0, 10_000, signal), DENIED);
  await assert.rejects(api.openCommands(null, signal), DENIED);
  await assert.rejects(api.sendReceipt("wpx-1", "a.b.c", signal), DENIED);
  assert.deepEqual(controlPlane.commands.resumedAfter, []);
});

Deno.test("who stands for the cluster does not speak of a node in its heartbeat", async () => {
  await using fixture = await createControlPlaneFixture();
  await registerAs(fixture, null);
  await beat(fixture, undefined, 1);
  await assert.rejects(beat(fixture, "worker-1", 2), DENIED);
});

Deno.test("nobody makes a cluster's registration, or another node's, of a collector's", async () => {
  await using fixture = await createControlPlaneFixture();
  const rejected = { code: "identity_rejected", message: /another node, or for none/ };
  const { collector: _, ...asCluster } = await requestAs(fixture, "worker-1");
  await assert.rejects(fixture.api.register(asCluster, fixture.signal), rejected);
  const asOther = { ...await requestAs(fixture, "worker-1"), collector: { node: "worker-2" } };
  await assert.rejects(fixture.api.register(asOther, fixture.signal), rejected);
  assert.equal(fixture.controlPlane.registrations.length, 0);
  assert.equal(fixture.controlPlane.collectors.length, 0);
});

Deno.test("the same window of two nodes is two batches, and both are kept", async () => {
  await using fixture = await createControlPlaneFixture();
  const { signals } = fixture.controlPlane;
  await registerAs(fixture, "worker-1");
  const first = await sendBatch(fixture, "worker-1", 1);
  await registerAs(fixture, "worker-2");
  // The same labels, value and window: nothing but the node tells them apart.
  const second = await sendBatch(fixture, "worker-2", 1);
  assert.notEqual(first, second);
  assert.equal(signals.points("load", "worker-1").length, 1);
  assert.equal(signals.points("load", "worker-2").length, 1);
  assert.equal(signals.points("load").length, 0);
  assert.equal(signals.changedPoints, 0);
});
