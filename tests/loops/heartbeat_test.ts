import assert from "node:assert/strict";
import { openAuditLog } from "../../src/adapters/audit_open.ts";
import { AuditHeads } from "../../src/adapters/audit_heads.ts";
import { checkpointSigner } from "../../src/agent/foundation.ts";
import { chainIdOf } from "../../src/core/audit/chain.ts";
import { HeartbeatLoop, type HeartbeatSnapshot } from "../../src/loops/heartbeat.ts";
import { FakeClock } from "../fakes/fake_clock.ts";
import { createEntry } from "../fakes/audit.ts";
import {
  type ControlPlaneFixture,
  createControlPlaneFixture,
} from "../fakes/control_plane_fixture.ts";

function heartbeatLoop(fixture: ControlPlaneFixture): HeartbeatLoop {
  const snapshot = (): Promise<HeartbeatSnapshot> =>
    Promise.resolve({
      clusterId: fixture.session.identity()!.clusterId,
      version: "0.1.0",
      parts: fixture.health.parts(),
      signals: [],
      executions: { open: 0, pendingApproval: 0 },
      audit: null,
    });
  return new HeartbeatLoop({
    ...fixture.ports,
    api: fixture.api,
    session: fixture.session,
    snapshot,
  });
}

/** Lets the clock run in small steps; answers travel in real time in between. */
async function runFor(fixture: ControlPlaneFixture, ms: number, stepMs: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await fixture.clock.whenSleeping(2);
    fixture.clock.advance(stepMs);
  }
  await fixture.clock.whenSleeping(2);
}

Deno.test("HeartbeatLoop beats every interval, ten percent more or less", async () => {
  await using fixture = await createControlPlaneFixture({ heartbeatSeconds: 30 });
  fixture.start(fixture.registration);
  fixture.start(heartbeatLoop(fixture));
  await runFor(fixture, 600_000, 500);
  const times = fixture.controlPlane.heartbeats.map((stored) => stored.receivedMonotonicMs);
  assert.ok(times.length >= 18 && times.length <= 23, `${times.length} beats in ten minutes`);
  for (const [index, time] of times.slice(1).entries()) {
    const interval = time - times[index]!;
    assert.ok(interval >= 26_500 && interval <= 33_500, `${interval} ms`);
  }
  assert.deepEqual(
    fixture.controlPlane.heartbeats.map(({ heartbeat }) => heartbeat.sequence),
    times.map((_, index) => index + 1),
  );
});

Deno.test("HeartbeatLoop retries within the interval and tells of trouble afterwards", async () => {
  await using fixture = await createControlPlaneFixture({ heartbeatSeconds: 30 });
  fixture.start(fixture.registration);
  await fixture.session.ready(fixture.signal);
  await fixture.clock.whenSleeping();
  fixture.controlPlane.server.faults.answer(503, 2);
  fixture.start(heartbeatLoop(fixture));
  await runFor(fixture, 25_000, 500);
  assert.equal(fixture.controlPlane.heartbeats.length, 1, "arrived before the next was due");
  const { heartbeat } = fixture.controlPlane.heartbeats[0]!;
  assert.equal(heartbeat.sequence, 3);
  assert.equal(heartbeat.parts.find(({ name }) => name === "heartbeat")!.state, "degraded");
  assert.equal(fixture.health.get("heartbeat")!.state, "ok");
});

Deno.test("HeartbeatLoop survives an outage and goes on at its pace", async () => {
  await using fixture = await createControlPlaneFixture({ heartbeatSeconds: 30 });
  fixture.start(fixture.registration);
  fixture.start(heartbeatLoop(fixture));
  await runFor(fixture, 1000, 500);
  await fixture.controlPlane.server.stop();
  await runFor(fixture, 120_000, 500);
  assert.equal(fixture.controlPlane.heartbeats.length, 1);
  assert.equal(fixture.health.get("heartbeat")!.state, "degraded");
  fixture.controlPlane.server.start();
  await runFor(fixture, 60_000, 500);
  assert.ok(fixture.controlPlane.heartbeats.length >= 2);
  assert.equal(fixture.health.get("heartbeat")!.state, "ok");
});

Deno.test("HeartbeatLoop waits for the first registration", async () => {
  await using fixture = await createControlPlaneFixture();
  fixture.start(heartbeatLoop(fixture));
  assert.equal(fixture.health.get("heartbeat")!.state, "starting");
  fixture.start(fixture.registration);
  await fixture.controlPlane.until(() => fixture.controlPlane.heartbeats.length === 1);
});

Deno.test("HeartbeatLoop does not stay ok in health when its token has run out", async () => {
  await using fixture = await createControlPlaneFixture({ accessLifetimeSeconds: 60 });
  fixture.start(fixture.registration);
  fixture.start(heartbeatLoop(fixture));
  await fixture.controlPlane.until(() => fixture.controlPlane.heartbeats.length === 1);
  await fixture.clock.whenSleeping(2);
  fixture.vault.revokeAllTokens();
  fixture.clock.advance(3_600_000);
  await fixture.clock.whenSleeping();
  assert.deepEqual(
    fixture.health.parts().map(({ name, state }) => `${name} ${state}`),
    ["heartbeat degraded", "registration stalled"],
  );
});

/** A log that grows by one record with each beat, in a folder of the fixture. */
async function growingHeads(fixture: ControlPlaneFixture) {
  const { runtime: { files }, ports: { health, logger: log, metrics } } = fixture;
  const clock = new FakeClock(); // whose sleepers do not count as the loops'
  const directory = `${fixture.stateDir}/audit`;
  const signer = checkpointSigner(fixture.key);
  const audit = await openAuditLog({ files, clock, log, metrics, health, directory, signer });
  const create = () =>
    new AuditHeads({ files, directory, signer, head: () => audit.head, chains: () => [] });
  let heads = create();
  const loop = new HeartbeatLoop({
    ...fixture.ports,
    api: fixture.api,
    session: fixture.session,
    heads: {
      acknowledged: () => heads.acknowledged(),
      holds: (size) => heads.holds(size),
    },
    snapshot: async () => {
      await audit.record(createEntry(1));
      return {
        clusterId: fixture.session.identity()!.clusterId,
        version: "0.1.0",
        parts: [],
        signals: [],
        executions: { open: 0, pendingApproval: 0 },
        audit: await heads.next(),
      };
    },
  });
  const forget = async () => {
    await Deno.remove(`${directory}/heads.json`);
    heads = create();
  };
  return { log: audit, loop, forget, chain: chainIdOf(signer.publicKey) };
}

Deno.test("HeartbeatLoop proves the audit log's growth, also to who holds another size", async () => {
  await using fixture = await createControlPlaneFixture();
  const { log, loop, forget, chain } = await growingHeads(fixture);
  const { controlPlane } = fixture;
  const sizes = () => controlPlane.heartbeats.map(({ heartbeat }) => heartbeat.audit!.size);
  fixture.start(fixture.registration);
  fixture.start(loop);
  await controlPlane.until(() => controlPlane.heartbeats.length === 1);
  await runFor(fixture, 60_000, 500);
  const { clusterId } = fixture.session.identity()!;
  const before = sizes().length;
  assert.ok(before >= 2, `${before} beats`);
  assert.equal(controlPlane.audit.held(clusterId, chain)!.size, sizes().at(-1));
  const proofs = controlPlane.heartbeats.map(({ heartbeat }) => heartbeat.audit!.consistency?.from);
  assert.deepEqual(proofs, [undefined, ...sizes().slice(0, -1)]);

  // Who knows nothing of what was sent is told, and proves it within the same beat.
  await forget();
  await runFor(fixture, 40_000, 500);
  assert.ok(sizes().length > before);
  assert.equal(
    controlPlane.heartbeats[before]!.heartbeat.audit!.consistency!.from,
    sizes()[before - 1],
  );
  assert.deepEqual(controlPlane.audit.alarms, []);
  assert.equal(controlPlane.audit.held(clusterId, chain)!.size, sizes().at(-1));
  await log.close();
});
