/** The cluster that packages change: its API, and the facts that registration tells of it. */
import { KubernetesApi } from "../adapters/kubernetes/api.ts";
import { KubernetesCluster } from "../adapters/kubernetes/cluster.ts";
import { type ClusterFacts, readClusterFacts } from "../adapters/kubernetes/cluster_facts.ts";
import { loadCredentials } from "../adapters/kubernetes/credentials.ts";
import type { Cluster } from "../execution/cluster.ts";
import type { Foundation } from "./foundation.ts";

export interface KubernetesSide {
  readonly api: KubernetesApi;
  readonly cluster: Cluster;
  facts(): Promise<ClusterFacts>;
  close(): void;
}

/** null where `kubernetes.mode` is none. */
export async function connectKubernetes(
  foundation: Pick<Foundation, "config" | "runtime" | "mask" | "env">,
): Promise<KubernetesSide | null> {
  const { config, runtime, mask, env } = foundation;
  if (config.kubernetes.mode === "none") return null;
  const { files, clock } = runtime;
  const credentials = await loadCredentials(config.kubernetes, { files, clock, mask, env });
  const api = new KubernetesApi(runtime, credentials);
  return {
    api,
    cluster: new KubernetesCluster(api, config.execution.fieldManager),
    facts: () => readClusterFacts(api),
    close: () => api.close(),
  };
}
