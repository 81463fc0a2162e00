import assert from "node:assert/strict";
import { KubernetesLease } from "../../../src/adapters/kubernetes/lease.ts";
import type { KubeObject } from "../../../src/core/kubernetes_object.ts";
import { takenBy } from "../../../src/core/lease_record.ts";
import type { TlsServer } from "../../../src/embedded/serve.ts";
import { type ClusterFixture, runtime, withCluster } from "../../fakes/kubernetes_cluster.ts";

const PLACE = { namespace: "shop", name: "connector" };
const TIMEOUT_MS = 5000;
const NOW = Date.parse("2026-11-22T10:00:00Z");
const recordOf = (holder: string) => takenBy(holder, null, 15_000, NOW);
const leaseOf = ({ api }: ClusterFixture, place = PLACE) =>
  new KubernetesLease(api, runtime.clock, place);
const inCluster = ({ kubernetes }: ClusterFixture) =>
  kubernetes.store.get("coordination.k8s.io/v1", "Lease", "shop", "connector")!;

Deno.test("a Lease that is not there is made, read back and replaced", () =>
  withCluster(async (fixture) => {
    const lease = leaseOf(fixture);
    assert.equal(await lease.read(TIMEOUT_MS), null);
    const made = await lease.write(recordOf("a"), null, TIMEOUT_MS);
    assert.deepEqual(made?.record, recordOf("a"));
    assert.deepEqual(inCluster(fixture).spec, recordOf("a"));
    const read = await lease.read(TIMEOUT_MS);
    assert.deepEqual([read?.record, read?.version], [recordOf("a"), made?.version]);
    const next = await lease.write(recordOf("b"), read, TIMEOUT_MS);
    assert.deepEqual(next?.record, recordOf("b"));
    assert.notEqual(next?.version, made?.version);
  }));

Deno.test("whoever comes second at making or replacing a Lease gets null, and changes nothing", () =>
  withCluster(async (fixture) => {
    const lease = leaseOf(fixture);
    const made = await lease.write(recordOf("a"), null, TIMEOUT_MS);
    assert.equal(await lease.write(recordOf("b"), null, TIMEOUT_MS), null);
    await lease.write(recordOf("c"), made, TIMEOUT_MS);
    assert.equal(await lease.write(recordOf("b"), made, TIMEOUT_MS), null);
    assert.equal((await lease.read(TIMEOUT_MS))?.record.holderIdentity, "c");
    const last = await lease.read(TIMEOUT_MS);
    fixture.kubernetes.store.remove("coordination.k8s.io/v1", "Lease", "shop", "connector");
    assert.equal(await lease.write(recordOf("b"), last, TIMEOUT_MS), null, "it was deleted");
  }));

Deno.test("what others keep in the Lease stays when it is renewed", () =>
  withCluster(async (fixture) => {
    fixture.kubernetes.store.put(
      {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { ...PLACE, labels: { app: "x" }, annotations: { owner: "platform" } },
        spec: { preferredHolder: "z", strategy: "OldestEmulationVersion" },
      } as KubeObject,
      "kubectl",
    );
    const lease = leaseOf(fixture);
    const found = await lease.read(TIMEOUT_MS);
    assert.deepEqual([found?.record.holderIdentity, found?.record.leaseTransitions], ["", 0]);
    await lease.write(recordOf("a"), found, TIMEOUT_MS);
    const { metadata, spec } = inCluster(fixture);
    assert.deepEqual(metadata.labels, { app: "x" });
    assert.deepEqual(metadata.annotations, { owner: "platform" });
    assert.deepEqual(spec, {
      ...recordOf("a"),
      preferredHolder: "z",
      strategy: "OldestEmulationVersion",
    });
  }));

Deno.test("a refusal of the API server says which rights a Lease takes", () =>
  withCluster(async (fixture) => {
    fixture.kubernetes.hooks.authorize = ({ resource }) =>
      resource === "leases" ? { code: 403, reason: "Forbidden", message: "" } : null;
    await assert.rejects(leaseOf(fixture).read(TIMEOUT_MS), {
      code: "access_denied",
      message: /cannot get resource "leases"/,
      hint: /grant get, create, update and watch on leases/,
    });
  }));

Deno.test("credentials that the API server does not know are no lost race", () =>
  withCluster(async (fixture) => {
    await assert.rejects(leaseOf(fixture).write(recordOf("a"), null, TIMEOUT_MS), {
      code: "access_denied",
    });
  }, { token: () => Promise.resolve("stale") }));

Deno.test("a namespace that is not there is no lost race", () =>
  withCluster(async (fixture) => {
    const lease = leaseOf(fixture, { namespace: "nowhere", name: "connector" });
    assert.equal(await lease.read(TIMEOUT_MS), null);
    await assert.rejects(lease.write(recordOf("a"), null, TIMEOUT_MS), {
      code: "not_found",
      message: /nowhere/,
    });
  }));

Deno.test("a call to a server that does not answer ends in time", () =>
  withCluster(async (fixture) => {
    fixture.kubernetes.server.faults.slow(60_000);
    await assert.rejects(leaseOf(fixture).read(50), { code: "timeout" });
    await assert.rejects(leaseOf(fixture).write(recordOf("a"), null, 50), { code: "timeout" });
  }));

Deno.test("a refused watch says which rights it takes, and asks for a new token once", async () => {
  await withCluster(async (fixture) => {
    fixture.kubernetes.hooks.authorize = ({ verb, name }) =>
      verb === "watch" && name === "connector"
        ? { code: 403, reason: "Forbidden", message: "" }
        : null;
    const watching = leaseOf(fixture).watch("1", TIMEOUT_MS, new AbortController().signal).next();
    await assert.rejects(watching, {
      code: "access_denied",
      message: /cannot watch resource "leases"/,
      hint: /grant get, create, update and watch on leases/,
    });
    assert.equal(fixture.tokens.forgotten, 0);
  });
  await withCluster(async (fixture) => {
    const watching = leaseOf(fixture).watch("1", TIMEOUT_MS, new AbortController().signal).next();
    await assert.rejects(watching, { code: "access_denied", message: /does not know us/ });
  }, { token: () => Promise.resolve("wrong") });
});

for (
  const [story, fail] of Object.entries({
    "breaks off": (server: TlsServer) => server.faults.reset(1),
    "is answered 503": (server: TlsServer) => server.faults.answer(503, 1),
  })
) {
  Deno.test(`a watch that ${story} fails with an error that may pass`, () =>
    withCluster(async (fixture) => {
      const lease = leaseOf(fixture);
      const made = await lease.write(recordOf("a"), null, TIMEOUT_MS);
      fail(fixture.kubernetes.server);
      const states = lease.watch(made!.version, TIMEOUT_MS, new AbortController().signal);
      await assert.rejects(states.next(), { code: "unavailable" });
    }));
}

Deno.test("the Lease remembers the audit chains of all that ever held it", () =>
  withCluster(async (fixture) => {
    const chainOf = (digit: string) => digit.repeat(64);
    const by = (digit: string) =>
      new KubernetesLease(fixture.api, runtime.clock, PLACE, chainOf(digit));
    const first = await by("a").write(recordOf("a"), null, TIMEOUT_MS);
    assert.deepEqual(first?.chains, [chainOf("a")]);
    const second = await by("b").write(recordOf("b"), first, TIMEOUT_MS);
    assert.deepEqual(second?.chains, [chainOf("a"), chainOf("b")]);
    const again = await by("a").write(recordOf("a"), second, TIMEOUT_MS);
    assert.deepEqual(again?.chains, [chainOf("a"), chainOf("b")]);
    const { annotations } = inCluster(fixture).metadata;
    assert.deepEqual(annotations, {
      "neuralops.io/audit-chains": `${chainOf("a")} ${chainOf("b")}`,
    });
    const lease = leaseOf(fixture);
    const other = await lease.write(recordOf("c"), await lease.read(TIMEOUT_MS), TIMEOUT_MS);
    assert.deepEqual(other?.chains, again?.chains, "who has no chain leaves them as they are");
  }));
