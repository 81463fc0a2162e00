import assert from "node:assert/strict";
import type { KubeObject } from "../../src/core/kubernetes_object.ts";
import { RefusedError } from "../../src/errors.ts";
import { fence } from "../../src/execution/fenced_cluster.ts";
import { alwaysLeader, type Leadership, type Term } from "../../src/execution/leadership.ts";
import type { Cluster } from "../../src/execution/cluster.ts";
import { type Handler, serveTls } from "../../src/embedded/serve.ts";
import { pki, withCluster } from "../fakes/kubernetes_cluster.ts";
import { leadingWhile } from "../fakes/leadership.ts";

const ref = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: "settings" };
const settings = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "settings", namespace: "shop" },
  data: { a: "b" },
} as KubeObject;
const WRITE = { dryRun: false };

/** A cluster behind an API server of which a test answers every write. */
async function withServer(
  answer: Handler,
  work: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  const resources = [{ name: "configmaps", kind: "ConfigMap", namespaced: true }];
  const server = await serveTls(
    pki,
    "kubernetes",
    (request) =>
      new URL(request.url).pathname === "/api/v1" ? Response.json({ resources }) : answer(request),
  );
  try {
    await withCluster(({ cluster }) => work(cluster), { baseUrl: server.url });
  } finally {
    await server.close();
  }
}

function leading(term: Partial<Term>): Leadership {
  const whole: Term = { ...alwaysLeader.term()!, ...term };
  return { isLeader: () => true, term: () => whole, holder: () => "" };
}

Deno.test("no write of any kind is sent by a process that does not lead; dry runs and reads are", () =>
  withCluster(async ({ cluster, kubernetes }) => {
    const fenced = fence(cluster, leadingWhile(() => false, "node-2_ab"));
    const refusal = { code: "not_leader", message: /stands by: node-2_ab leads/ };
    await assert.rejects(fenced.apply(settings, WRITE), refusal);
    await assert.rejects(fenced.create(settings, WRITE), refusal);
    await assert.rejects(fenced.merge(ref, { data: {} }, null, WRITE), refusal);
    await assert.rejects(fenced.delete(ref, "uid", WRITE), refusal);
    assert.equal(kubernetes.requests.get("patch"), undefined);
    assert.equal(kubernetes.requests.get("create"), undefined);
    await fenced.apply(settings, { dryRun: true });
    assert.equal(await fenced.get(ref), null);
  }));

Deno.test("a write that is under way when leadership ends is broken off, and the server sees that", async () => {
  const arrived = Promise.withResolvers<void>();
  const hungUp = Promise.withResolvers<void>();
  await withServer((request) => {
    request.signal.addEventListener("abort", () => hungUp.resolve());
    arrived.resolve();
    return hungUp.promise.then(() => Response.json(settings));
  }, async (cluster) => {
    const term = new AbortController();
    const write = fence(cluster, leading({ signal: term.signal })).apply(settings, WRITE);
    await arrived.promise;
    term.abort(new RefusedError("not_leader", "Leadership ended: the test says so"));
    await assert.rejects(write, { code: "not_leader", message: /the test says so/ });
    await hungUp.promise;
  });
});

Deno.test("a write whose time ran out while it was prepared is not sent", () =>
  withCluster(async ({ cluster, kubernetes }) => {
    const fenced = fence(cluster, leading({ leftMs: () => 0 }));
    await assert.rejects(fenced.apply(settings, WRITE), { code: "timeout" });
    assert.equal(kubernetes.requests.get("patch"), undefined);
  }));

Deno.test("a write whose outcome is not known is remembered; a refusal is an outcome", () =>
  withCluster(async ({ cluster, kubernetes }) => {
    let unsettled = 0;
    const fenced = fence(cluster, leading({ markUnsettled: () => void (unsettled += 1) }));
    kubernetes.hooks.admission = () => ({ code: 403, reason: "Forbidden", message: "no" });
    await assert.rejects(fenced.apply(settings, WRITE), { code: "admission_denied" });
    assert.equal(unsettled, 0);
    kubernetes.server.faults.answer(504, 1);
    await assert.rejects(fenced.apply(settings, WRITE), { code: "unavailable" });
    assert.equal(unsettled, 1);
  }));

Deno.test("the server is told how long a write may take, and nothing where there is no end to it", async () => {
  const told: (string | null)[] = [];
  await withServer((request) => {
    told.push(new URL(request.url).searchParams.get("timeout"));
    return Response.json(settings);
  }, async (cluster) => {
    const bounded = fence(cluster, leading({ leftMs: () => 7654.9 }));
    await bounded.apply(settings, WRITE);
    await bounded.apply(settings, { dryRun: true });
    await fence(cluster, alwaysLeader).apply(settings, WRITE);
  });
  assert.deepEqual(told, ["7654ms", null, null]);
});
