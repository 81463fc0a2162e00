import assert from "node:assert/strict";
import type { Heartbeat } from "../../src/core/protocol.ts";
import { RegistrationLoop } from "../../src/loops/registration.ts";
import { runVaultRenewal } from "../../src/loops/vault_renewal.ts";
import {
  CLUSTER,
  type ControlPlaneFixture,
  createControlPlaneFixture,
} from "../fakes/control_plane_fixture.ts";

const EMPTY_HEARTBEAT: Omit<Heartbeat, "clusterId" | "sequence"> = {
  schema: "neuralops.io/heartbeat/v1",
  sentAtMs: 0,
  version: "0.1.0",
  parts: [],
  signals: [],
  executions: { open: 0, pendingApproval: 0 },
  audit: null,
};

async function beat(fixture: ControlPlaneFixture, sequence: number): Promise<void> {
  const { clusterId } = fixture.session.identity()!;
  await fixture.api.sendHeartbeat(
    { ...EMPTY_HEARTBEAT, clusterId, sequence },
    10_000,
    fixture.signal,
  );
}

Deno.test("RegistrationLoop registers with a Vault-signed identity and its own key", async () => {
  await using fixture = await createControlPlaneFixture();
  fixture.start(fixture.registration);
  const registration = await fixture.session.ready(fixture.signal);
  const [stored] = fixture.controlPlane.registrations;
  assert.equal(stored!.clusterId, registration.clusterId);
  assert.equal(stored!.entity, "5f3c1f0e-connector");
  assert.equal(stored!.keyId, fixture.key.jwk.kid);
  assert.deepEqual(stored!.request.cluster, CLUSTER);
  await fixture.clock.whenSleeping();
  assert.equal(fixture.health.get("registration")!.state, "ok");
  assert.deepEqual(fixture.audit.types(), ["registration.succeeded"]);
});

Deno.test("RegistrationLoop refreshes the access token at two thirds of its life", async () => {
  await using fixture = await createControlPlaneFixture({ accessLifetimeSeconds: 900 });
  fixture.start(fixture.registration);
  for (let round = 1; round <= 4; round += 1) {
    await fixture.controlPlane.until(() => fixture.controlPlane.registrations.length === round);
    await fixture.clock.whenSleeping();
    assert.ok(fixture.session.current(), "a token at all times");
    fixture.clock.advance(539_000);
    assert.equal(fixture.controlPlane.registrations.length, round);
    fixture.clock.advance(91_000);
    assert.ok(fixture.session.current(), "refreshed before the end");
  }
  await fixture.controlPlane.until(() => fixture.controlPlane.registrations.length === 5);
  await fixture.clock.whenSleeping();
  assert.deepEqual(fixture.audit.types(), ["registration.succeeded"]);
});

Deno.test("RegistrationLoop registers once after a 401 that many callers got", async () => {
  await using fixture = await createControlPlaneFixture();
  fixture.start(fixture.registration);
  const before = await fixture.session.ready(fixture.signal);
  await fixture.clock.whenSleeping();
  await fixture.controlPlane.revokeTokens();
  const results = await Promise.allSettled([1, 2, 3, 4, 5].map((n) => beat(fixture, n)));
  for (const result of results) {
    assert.equal(result.status, "rejected");
    assert.equal((result as PromiseRejectedResult).reason.name, "TransientError");
  }
  const after = await fixture.session.ready(fixture.signal);
  assert.notEqual(after.accessToken, before.accessToken);
  await fixture.clock.whenSleeping();
  assert.equal(fixture.controlPlane.registrations.length, 2);
  await beat(fixture, 6);
});

Deno.test("RegistrationLoop backs off when every new token is refused at once", async () => {
  await using fixture = await createControlPlaneFixture();
  fixture.start(fixture.registration);
  for (let round = 1; round <= 3; round += 1) {
    await fixture.clock.whenSleeping();
    fixture.session.invalidate(fixture.session.current()!.accessToken);
    if (round > 1) {
      await fixture.clock.whenSleeping();
      assert.equal(fixture.controlPlane.registrations.length, round, "waits first");
      fixture.clock.advance(60_000);
    }
    await fixture.session.ready(fixture.signal);
    assert.equal(fixture.controlPlane.registrations.length, round + 1);
  }
});

Deno.test("RegistrationLoop keeps trying through an outage, and audits only the changes", async () => {
  await using fixture = await createControlPlaneFixture();
  await fixture.controlPlane.server.stop();
  fixture.start(fixture.registration);
  for (let failures = 1; failures <= 4; failures += 1) {
    await fixture.clock.whenSleeping();
    fixture.clock.advance(60_000);
  }
  await fixture.clock.whenSleeping();
  assert.equal(fixture.health.get("registration")!.state, "degraded");
  fixture.controlPlane.server.start();
  fixture.clock.advance(60_000);
  await fixture.session.ready(fixture.signal);
  await fixture.clock.whenSleeping();
  assert.deepEqual(fixture.audit.types(), ["registration.failed", "registration.succeeded"]);
});

Deno.test("RegistrationLoop says in health that Vault denied it", async () => {
  await using fixture = await createControlPlaneFixture();
  fixture.vault.revokeAllTokens();
  fixture.start(fixture.registration);
  await fixture.clock.whenSleeping();
  const health = fixture.health.get("registration")!;
  assert.equal(health.state, "stalled");
  assert.match(health.reason, /^vault_denied: /);
  assert.deepEqual(fixture.audit.entries[0]!.data, { code: "vault_denied" });
});

Deno.test("RegistrationLoop is refused with an identity token that has ended", async () => {
  await using fixture = await createControlPlaneFixture({ identityTtlSeconds: 60 });
  const stale = await fixture.vaultSession.identityToken(fixture.signal);
  fixture.clock.advance(120_000);
  fixture.start(
    new RegistrationLoop({
      ...fixture.ports,
      ...fixture,
      identity: { identityToken: () => Promise.resolve(stale) },
      audience: fixture.controlPlane.url,
      cluster: () => Promise.resolve(CLUSTER),
    }),
  );
  await fixture.clock.whenSleeping();
  assert.equal(fixture.health.get("registration")!.state, "stalled");
  assert.match(fixture.health.get("registration")!.reason, /^identity_rejected: .*exp/);
});

Deno.test("RegistrationLoop knows its cluster after a restart without anyone to ask", async () => {
  await using fixture = await createControlPlaneFixture();
  const identity = {
    clusterId: "c-known",
    orchestrator: { issuer: "https://cp/orchestrator", jwks: { keys: [{ kid: "1" }] } },
  };
  await fixture.store.save(identity);
  await fixture.controlPlane.server.stop();
  fixture.start(fixture.registration);
  await fixture.clock.whenSleeping();
  assert.deepEqual(fixture.session.identity(), identity);
  assert.equal(fixture.session.current(), null);
});

Deno.test("RegistrationLoop raises the alarm when its cluster id changes", async () => {
  await using fixture = await createControlPlaneFixture();
  await fixture.store.save({
    clusterId: "c-before",
    orchestrator: { issuer: "https://cp/orchestrator", jwks: { keys: [{ kid: "1" }] } },
  });
  fixture.start(fixture.registration);
  const { clusterId } = await fixture.session.ready(fixture.signal);
  await fixture.clock.whenSleeping();
  assert.equal(fixture.health.get("registration")!.state, "degraded");
  assert.match(fixture.health.get("registration")!.reason, /changed from c-before to c-/);
  assert.deepEqual(fixture.audit.types(), [
    "registration.cluster_changed",
    "registration.succeeded",
  ]);
  assert.equal((await fixture.store.load())!.clusterId, clusterId);
});

Deno.test("RegistrationLoop overwrites a registration file that it cannot read", async () => {
  await using fixture = await createControlPlaneFixture();
  await Deno.writeTextFile(`${fixture.stateDir}/registration.json`, "{");
  fixture.start(fixture.registration);
  const { clusterId } = await fixture.session.ready(fixture.signal);
  await fixture.clock.whenSleeping();
  assert.equal((await fixture.store.load())!.clusterId, clusterId);
  assert.ok(fixture.logLines.some((line) => line.includes("registration_unreadable")));
});

Deno.test("RegistrationLoop leaves no secret in log, health, audit or state", async () => {
  await using fixture = await createControlPlaneFixture();
  const tokens: string[] = [fixture.vaultToken];
  fixture.start(fixture.registration);
  fixture.start({
    run: (signal) => runVaultRenewal({ ...fixture.ports, vault: fixture.vaultSession }, signal),
  });
  tokens.push((await fixture.session.ready(fixture.signal)).accessToken);
  await fixture.clock.whenSleeping(2);
  fixture.controlPlane.server.faults.answer(403);
  fixture.session.invalidate(tokens[1]!);
  await fixture.clock.whenSleeping(2);
  fixture.vault.revokeAllTokens();
  fixture.clock.advance(3_600_000);
  await fixture.clock.whenSleeping(2);
  tokens.push(...fixture.controlPlane.registrations.map(({ request }) => request.identityToken));
  const state = await Deno.readTextFile(`${fixture.stateDir}/registration.json`);
  const written = [
    ...fixture.logLines,
    JSON.stringify(fixture.health.parts()),
    JSON.stringify(fixture.audit.entries),
    state,
  ].join("\n");
  assert.ok(fixture.logLines.length >= 2);
  for (const token of tokens) assert.ok(!written.includes(token));
});

Deno.test("runVaultRenewal() reports how the Vault token fares", async () => {
  await using fixture = await createControlPlaneFixture();
  const vault = fixture.vaultSession;
  fixture.start({ run: (signal) => runVaultRenewal({ ...fixture.ports, vault }, signal) });
  await fixture.clock.whenSleeping();
  assert.equal(fixture.health.get("vault")!.state, "ok");
  fixture.vault.seal(true);
  fixture.clock.advance(3_000_000);
  await fixture.clock.whenSleeping();
  assert.equal(fixture.health.get("vault")!.state, "degraded");
  fixture.vault.seal(false);
  fixture.clock.advance(60_000);
  await fixture.clock.whenSleeping();
  assert.equal(fixture.health.get("vault")!.state, "ok");
});

Deno.test("RegistrationLoop of one of many registers at a moment of its own, at first and after a 401", async () => {
  await using fixture = await createControlPlaneFixture();
  const { clock, controlPlane } = fixture;
  const half = { ...fixture.runtime.random, fraction: () => 0.5 };
  const registration = new RegistrationLoop({
    ...fixture.ports,
    random: half,
    audit: fixture.audit,
    identity: fixture.vaultSession,
    api: fixture.api,
    store: fixture.store,
    session: fixture.session,
    key: fixture.key,
    audience: controlPlane.url,
    cluster: () => Promise.resolve(CLUSTER),
    collector: { node: "worker-1" },
    part: "node-registration",
    spreadMs: 60_000,
  });
  fixture.start(registration);
  await clock.whenSleeping();
  clock.advance(29_999);
  assert.equal(controlPlane.collectors.length, 0);
  clock.advance(1);
  await fixture.session.ready(fixture.signal);
  assert.equal(controlPlane.collectors.length, 1);
  await clock.whenSleeping();
  assert.equal(fixture.health.get("node-registration")?.state, "ok");
  assert.equal(fixture.health.get("registration"), undefined);
  assert.deepEqual(fixture.audit.entries.map(({ data }) => data), [{ node: "worker-1" }]);

  await controlPlane.revokeTokens();
  fixture.session.invalidate(fixture.session.current()!.accessToken);
  await clock.whenSleeping();
  clock.advance(29_999);
  assert.equal(controlPlane.collectors.length, 1);
  clock.advance(1);
  await fixture.session.ready(fixture.signal);
  assert.equal(controlPlane.collectors.length, 2);
  await clock.whenSleeping();
});
