/** The Kubernetes adapter on an embedded API server, over TLS. */
import { KubernetesApi } from "../../src/adapters/kubernetes/api.ts";
import { KubernetesCluster } from "../../src/adapters/kubernetes/cluster.ts";
import type { KubernetesCredentials } from "../../src/adapters/kubernetes/credentials.ts";
import type { KubeObject } from "../../src/core/kubernetes_object.ts";
import { type EmbeddedKubernetes, startKubernetes } from "../../src/embedded/kubernetes/server.ts";
import { createPki, type Pki } from "../../src/embedded/pki.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";

export const runtime = systemRuntime();
export const pki: Pki = await createPki();

export interface ClusterFixture {
  readonly kubernetes: EmbeddedKubernetes;
  readonly api: KubernetesApi;
  readonly cluster: KubernetesCluster;
  /** How often the token was asked for, and forgotten. */
  readonly tokens: { asked: number; forgotten: number };
}

/** @param override of the credentials that the server would take */
export async function withCluster(
  work: (fixture: ClusterFixture) => Promise<void>,
  override: Partial<KubernetesCredentials> = {},
): Promise<void> {
  const kubernetes = await startKubernetes({ pki, clock: runtime.clock, rolloutMs: 20 });
  kubernetes.store.put(
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } } as KubeObject,
    "kubectl",
  );
  const tokens = { asked: 0, forgotten: 0 };
  const api = new KubernetesApi(runtime, {
    baseUrl: kubernetes.url,
    caPem: pki.caPem,
    token() {
      tokens.asked += 1;
      return Promise.resolve(kubernetes.token);
    },
    forgetToken: () => void (tokens.forgotten += 1),
    ...override,
  });
  try {
    await work({ kubernetes, api, cluster: new KubernetesCluster(api, "connector"), tokens });
  } finally {
    api.close();
    await kubernetes.close();
  }
}
