import assert from "node:assert/strict";
import type { KubeObject } from "../../src/core/kubernetes_object.ts";
import { RefusedError } from "../../src/errors.ts";
import { MemoryAudit } from "../fakes/control_plane_fixture.ts";
import { type Elector, Electorate, TIMES } from "../fakes/electorate.ts";

const settings = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "settings", namespace: "default" },
} as KubeObject;
const WRITE = { dryRun: false };

const healthOf = (elector: Elector) => {
  const { state, reason } = elector.health.get("leadership")!;
  return `${state}: ${reason}`;
};
const audited = ({ audit }: Elector) => (audit as MemoryAudit).types();
const events = ({ lines }: Elector) =>
  lines.map((line) => JSON.parse(line)).filter(({ event }) => event !== "election_failed")
    .map(({ event, holder }) => `${event} ${holder}`);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

async function leader(electorate: Electorate, identity: string): Promise<Elector> {
  const elector = electorate.add(identity).start();
  await elector.settled();
  assert.ok(elector.election.isLeader());
  return elector;
}

Deno.test("of two electors one leads, and the other stands by and says who does", async () => {
  await using electorate = await Electorate.open();
  const a = await leader(electorate, "a");
  const b = electorate.add("b").start();
  for (let round = 0; round < 10; round += 1) {
    await a.retry();
    await b.retry();
  }
  assert.deepEqual([a.election.isLeader(), b.election.isLeader()], [true, false]);
  assert.deepEqual([a.duties, b.duties], [1, 0]);
  assert.deepEqual([healthOf(a), healthOf(b)], ["ok: leads", "ok: stands by; a leads"]);
  assert.equal(b.election.holder(), "a");
  assert.deepEqual([audited(a), audited(b)], [["leadership.acquired"], []]);
  assert.deepEqual([events(a), events(b)], [["leading a"], ["standing_by a"]]);
  await assert.rejects(b.cluster.apply(settings, WRITE), {
    code: "not_leader",
    message: /a leads/,
  });
  await a.cluster.apply(settings, WRITE);
});

Deno.test("who stops gives the Lease up, and the next one leads without waiting for it to run out", async () => {
  await using electorate = await Electorate.open();
  const a = await leader(electorate, "a");
  const b = electorate.add("b").start();
  await b.settled();
  await a.stop();
  assert.equal(electorate.holder, "");
  assert.deepEqual(audited(a), ["leadership.acquired", "leadership.lost"]);
  assert.equal(a.duties, 0);
  await until(() => b.election.holder() === "");
  await b.retry();
  assert.ok(b.election.isLeader());
  assert.equal((electorate.lease!.spec as { leaseTransitions: number }).leaseTransitions, 1);
  await until(() => electorate.kubernetes.openWatches() === 0);
});

Deno.test("the Lease is given up only after the leader's work has ended", async () => {
  await using electorate = await Electorate.open();
  const a = await leader(electorate, "a");
  const finishing = Promise.withResolvers<void>();
  const finished = Promise.withResolvers<void>();
  a.finish = () => {
    finishing.resolve();
    return finished.promise;
  };
  const stopped = a.stop();
  await finishing.promise;
  await a.cluster.apply(settings, WRITE); // what is under way may still end well
  assert.equal(electorate.holder, "a");
  finished.resolve();
  await stopped;
  assert.equal(electorate.holder, "");
});

Deno.test("a Lease under which a write was not answered is left to run out", async () => {
  await using electorate = await Electorate.open();
  const a = await leader(electorate, "a");
  await a.cluster.apply(settings, WRITE);
  electorate.kubernetes.server.faults.answer(504, 1);
  await assert.rejects(a.cluster.apply(settings, WRITE), { code: "unavailable" });
  await a.stop();
  assert.equal(electorate.holder, "a");
  assert.deepEqual(audited(a), ["leadership.acquired", "leadership.lost"]);
});

Deno.test("a leader that went silent is followed after the lease duration, and knows it is none", async () => {
  await using electorate = await Electorate.open();
  const a = await leader(electorate, "a");
  const b = electorate.add("b").start();
  await b.retry(7);
  assert.equal(b.election.isLeader(), false, "14 s");
  await b.retry();
  assert.equal(b.election.isLeader(), true, "16 s");
  assert.equal(electorate.holder, "b");
  // It slept all the while; its timers are late, its clock is not.
  a.clock.advance(TIMES.renewDeadlineMs);
  assert.equal(a.election.isLeader(), false);
  await assert.rejects(a.cluster.apply(settings, WRITE), { code: "not_leader" });
  await a.settled();
  assert.equal(healthOf(a), "ok: stands by; b leads");
  assert.deepEqual(audited(a), ["leadership.acquired", "leadership.lost"]);
  assert.equal(a.duties, 0);
});

Deno.test("who starts again takes its own Lease at once", async () => {
  await using electorate = await Electorate.open();
  await leader(electorate, "a");
  const again = await leader(electorate, "a");
  assert.deepEqual(audited(again), ["leadership.acquired"]);
  assert.equal((electorate.lease!.spec as { leaseTransitions: number }).leaseTransitions, 0);
});

Deno.test("another writer of the Lease does not depose the leader, and loses nothing", async () => {
  await using electorate = await Electorate.open();
  const a = await leader(electorate, "a");
  const { lease } = electorate;
  electorate.kubernetes.store.put(
    { ...lease!, metadata: { ...lease!.metadata, annotations: { owner: "x" } } } as KubeObject,
    "kubectl",
  );
  await a.retry(2);
  assert.ok(a.election.isLeader());
  assert.deepEqual(electorate.lease!.metadata.annotations, { owner: "x" });
  assert.deepEqual(audited(a), ["leadership.acquired"]);
});

Deno.test("a Lease that was given to another deposes the leader when it sees it", async () => {
  await using electorate = await Electorate.open();
  const a = await leader(electorate, "a");
  const { lease } = electorate;
  const spec = { ...lease!.spec as Record<string, string>, holderIdentity: "b" };
  electorate.kubernetes.store.put({ ...lease!, spec } as KubeObject, "kubectl");
  await a.retry();
  a.clock.advance(TIMES.retryPeriodMs);
  await until(() => healthOf(a) === "ok: stands by; b leads");
  assert.equal(a.election.isLeader(), false);
  const { data } = (a.audit as MemoryAudit).entries[1]!;
  assert.deepEqual(data, { identity: "a", reason: "Leadership ended: b leads", holder: "b" });
});

Deno.test("without the API server trust runs out, nothing is written, and it leads again later", async () => {
  await using electorate = await Electorate.open();
  const a = await leader(electorate, "a");
  await electorate.kubernetes.server.stop();
  await a.retry(4);
  assert.ok(a.election.isLeader(), "8 s");
  assert.match(healthOf(a), /^degraded: still leads, but cannot renew: unavailable: /);
  a.clock.advance(TIMES.retryPeriodMs);
  assert.equal(a.election.isLeader(), false, "10 s");
  await assert.rejects(a.cluster.apply(settings, WRITE), { code: "not_leader" });
  await a.settled();
  assert.equal(a.duties, 0);
  assert.match(healthOf(a), /^degraded: stands by: unavailable: /);
  electorate.kubernetes.server.start();
  await a.retry();
  assert.ok(a.election.isLeader());
  assert.equal(a.duties, 1);
  assert.deepEqual(audited(a), [
    "leadership.acquired",
    "leadership.lost",
    "leadership.acquired",
  ]);
});

for (const [code, expected] of [[401, /does not know us/], [403, /cannot get resource/]] as const) {
  Deno.test(`an answer of ${code} is shown in health, with what to do`, async () => {
    await using electorate = await Electorate.open();
    electorate.kubernetes.hooks.authorize = () => ({ code, reason: "Refused", message: "" });
    const a = electorate.add("a").start();
    await a.retry(3);
    assert.match(
      healthOf(a),
      /^stalled: stands by: access_denied: .*grant get, create, update and watch/,
    );
    assert.match(healthOf(a), expected);
    const failures = a.lines.filter((line) => line.includes("election_failed"));
    assert.equal(failures.length, 1, "said once");
    electorate.kubernetes.hooks.authorize = () => null;
    await a.retry();
    assert.ok(a.election.isLeader());
  });
}

Deno.test("leadership that cannot be recorded does not count, and is left to others", async () => {
  await using electorate = await Electorate.open();
  const refuse = () => Promise.reject(new RefusedError("audit_unavailable", "the disk is full"));
  const a = electorate.add("a", { record: refuse }).start();
  await a.settled();
  assert.equal(a.election.isLeader(), false);
  assert.equal(a.duties, 0);
  assert.match(healthOf(a), /^stalled: stands by: audit_unavailable: the disk is full/);
  assert.equal(electorate.holder, "");
  const b = await leader(electorate, "b");
  a.clock.advance(TIMES.leaseDurationMs);
  await a.retry();
  assert.equal(healthOf(a), "ok: stands by; b leads");
  assert.ok(b.election.isLeader());
});

Deno.test("leadership is on record before the leader's work begins", async () => {
  await using electorate = await Electorate.open();
  const asked = Promise.withResolvers<void>();
  const durable = Promise.withResolvers<{ sequence: number; hash: string }>();
  const a = electorate.add("a", {
    record() {
      asked.resolve();
      return durable.promise;
    },
  }).start();
  await asked.promise;
  assert.equal(electorate.holder, "a");
  assert.deepEqual([a.election.isLeader(), a.duties], [false, 0]);
  durable.resolve({ sequence: 0, hash: "" });
  await a.settled();
  assert.deepEqual([a.election.isLeader(), a.duties], [true, 1]);
});

Deno.test("a bug in the leader's work ends the election and gives the Lease up", async () => {
  await using electorate = await Electorate.open();
  const a = await leader(electorate, "a");
  a.fail.reject(new RangeError("a bug"));
  await assert.rejects(a.running, RangeError);
  assert.equal(electorate.holder, "");
  assert.equal(a.election.isLeader(), false);
});

Deno.test("a leader whose Lease was deleted steps down and stands again", async () => {
  await using electorate = await Electorate.open();
  const a = await leader(electorate, "a");
  electorate.kubernetes.store.remove(
    "coordination.k8s.io/v1",
    "Lease",
    "kube-system",
    "connector",
  );
  await a.retry();
  a.clock.advance(TIMES.retryPeriodMs);
  await until(() => audited(a).length === 3 && a.election.isLeader());
  assert.equal(electorate.holder, "a");
  assert.deepEqual(audited(a), [
    "leadership.acquired",
    "leadership.lost",
    "leadership.acquired",
  ]);
});

Deno.test("of two electors with one identity the first steps down, and says why", async () => {
  await using electorate = await Electorate.open();
  const first = await leader(electorate, "a");
  const twin = await leader(electorate, "a");
  await first.retry();
  first.clock.advance(TIMES.retryPeriodMs);
  await until(() => healthOf(first) === "stalled: stands by: another process is a as well");
  assert.equal(first.election.isLeader(), false);
  await twin.retry();
  assert.ok(twin.election.isLeader());
  assert.equal(electorate.holder, "a", "the first one did not give up what is not its own");
});

Deno.test("a standby asks for nothing but its watch while the leader renews", async () => {
  await using electorate = await Electorate.open();
  const a = await leader(electorate, "a");
  const b = electorate.add("b").start();
  const { kubernetes } = electorate;
  await until(() => kubernetes.openWatches() === 1);
  const reads = kubernetes.requests.get("get");
  const renewed = kubernetes.requests.get("update") ?? 0;
  await a.retry(20);
  assert.equal(kubernetes.requests.get("update"), renewed + 20);
  assert.deepEqual([kubernetes.requests.get("get"), kubernetes.requests.get("watch")], [reads, 1]);
  assert.equal(healthOf(b), "ok: stands by; a leads");
});

Deno.test("a standby follows the Lease again after the API server was away and forgot its history", async () => {
  await using electorate = await Electorate.open();
  await leader(electorate, "a");
  const b = electorate.add("b").start();
  const { kubernetes } = electorate;
  await until(() => kubernetes.openWatches() === 1);
  await kubernetes.server.stop();
  await until(() => b.lines.some((line) => line.includes("lease_not_watched")));
  await b.retry(2);
  assert.match(healthOf(b), /^degraded: stands by: unavailable: /);
  kubernetes.store.compact();
  kubernetes.server.start();
  await b.retry();
  await until(() => kubernetes.requests.get("watch") === 2);
  assert.match(healthOf(b), /^ok: stands by; a leads/);
});

Deno.test("without the right to watch a standby still leads when it must", async () => {
  await using electorate = await Electorate.open();
  const { hooks } = electorate.kubernetes;
  hooks.authorize = ({ verb }) =>
    verb === "watch" ? { code: 403, reason: "Forbidden", message: "" } : null;
  const a = await leader(electorate, "a");
  const b = electorate.add("b").start();
  await until(() => b.lines.some((line) => line.includes("lease_not_watched")));
  await b.retry(3);
  assert.match(
    healthOf(b),
    /^ok: stands by; a leads; reads the Lease now and then, .*access_denied/,
  );
  await a.stop();
  while (!b.election.isLeader()) await b.retry();
});

Deno.test("who leads records the audit chains of all that led before", async () => {
  await using electorate = await Electorate.open();
  const audits = [new MemoryAudit(), new MemoryAudit()] as const;
  const chains = ["a".repeat(64), "b".repeat(64)] as const;
  const a = electorate.add("a", audits[0], chains[0]).start();
  await a.settled();
  assert.deepEqual(a.election.chains(), [chains[0]]);
  await a.stop();
  const b = electorate.add("b", audits[1], chains[1]).start();
  await b.settled();
  const register = audits[1].entries.find(({ type }) => type === "audit.chains")!;
  assert.deepEqual(register.data["chains"], chains);
  assert.deepEqual(b.election.chains(), chains);
});
