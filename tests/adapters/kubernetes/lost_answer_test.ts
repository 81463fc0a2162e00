/** A write that was carried out, and whose answer never came. */
import assert from "node:assert/strict";
import { FaultProxy } from "../../../scripts/testbed/fault_proxy.ts";
import { KubernetesApi } from "../../../src/adapters/kubernetes/api.ts";
import { KubernetesCluster } from "../../../src/adapters/kubernetes/cluster.ts";
import { type KubeObject, refOf } from "../../../src/core/kubernetes_object.ts";
import { pki, runtime, withCluster } from "../../fakes/kubernetes_cluster.ts";

const OBJECT = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "c", namespace: "shop" },
  data: { a: "1" },
} as KubeObject;
const WRITE = { dryRun: false };

const WRITES = {
  create: { verb: "create", act: (cluster) => cluster.create(OBJECT, WRITE) },
  apply: { verb: "patch", act: (cluster) => cluster.apply(OBJECT, WRITE) },
} satisfies Record<
  string,
  { verb: string; act: (cluster: KubernetesCluster) => Promise<unknown> }
>;

for (const [name, { verb, act }] of Object.entries(WRITES)) {
  Deno.test(`${name} of an object is sent once, and fails as what may pass, when its answer is lost`, () =>
    withCluster(async ({ kubernetes }) => {
      await using proxy = await FaultProxy.start(kubernetes.url);
      const api = new KubernetesApi(runtime, {
        baseUrl: proxy.url,
        caPem: pki.caPem,
        token: () => Promise.resolve(kubernetes.token),
        forgetToken: () => {},
      });
      try {
        const cluster = new KubernetesCluster(api, "connector");
        // The connection is one that was used before: those are tried again most readily.
        assert.equal(await cluster.get(refOf(OBJECT)), null);
        proxy.answers.latencyMs = 3_600_000;
        const lost = assert.rejects(act(cluster), { name: "TransientError" });
        const isThere = () => kubernetes.store.get("v1", "ConfigMap", "shop", "c") !== null;
        while (!isThere()) await new Promise((resolve) => setTimeout(resolve, 1));
        proxy.answers.latencyMs = 0;
        proxy.reset();
        await lost;
        assert.equal(kubernetes.requests.get(verb), 1);
      } finally {
        api.close();
      }
    }));
}
