/** The embedded Kubernetes API, and a real cluster, in namespaces that the run makes and removes. */
import { KubernetesApi } from "../../../adapters/kubernetes/api.ts";
import { KubernetesCluster } from "../../../adapters/kubernetes/cluster.ts";
import { loadCredentials } from "../../../adapters/kubernetes/credentials.ts";
import type { Config, ConfigInput } from "../../../config/schema.ts";
import { comparable } from "../../../core/diff.ts";
import {
  isJsonObject,
  type JsonObject,
  type KubeObject,
  uidOf,
} from "../../../core/kubernetes_object.ts";
import { type EmbeddedKubernetes, startKubernetes } from "../../../embedded/kubernetes/server.ts";
import { SecretMask } from "../../../log.ts";
import { systemFiles } from "../../../runtime_deno/files.ts";
import { systemRuntime } from "../../../runtime_deno.ts";
import type { KubernetesPeer, Place } from "./peer.ts";

const REQUEST_VERBS = ["create", "update", "patch", "delete"];

export async function embeddedKubernetes(
  place: Place,
): Promise<KubernetesPeer & { readonly embedded: EmbeddedKubernetes }> {
  const { pki, clock } = place;
  const kubernetes = await startKubernetes({ pki, clock, rolloutMs: 200 });
  for (const name of ["shop", "sandbox"]) kubernetes.store.put(namespace(name), "kubectl");
  return {
    name: "Kubernetes API",
    embedded: kubernetes,
    url: kubernetes.url,
    section: {
      mode: "kubeconfig",
      kubeconfig: await place.write("kubeconfig", kubernetes.kubeconfig()),
    },
    scene: { shop: "shop", sandbox: "sandbox", payments: "payments" },
    get: ({ apiVersion, kind, namespace = "", name }) =>
      Promise.resolve(kubernetes.store.get(apiVersion, kind, namespace, name)),
    // A refused package must not even lead to a dry run.
    touched: () =>
      Promise.resolve(REQUEST_VERBS.map((verb) => kubernetes.requests.get(verb) ?? 0).join()),
    secrets: () => [kubernetes.token],
    close: () => kubernetes.close(),
  };
}

/**
 * Acts with the connector's own rights; besides what packages need, it must be allowed to create, list
 * and delete namespaces. Throws what the API server answers when it is not.
 */
export async function realKubernetes(
  section: NonNullable<ConfigInput["kubernetes"]>,
  config: Exclude<Config["kubernetes"], { mode: "none" }>,
  { id, clock }: Pick<Place, "id" | "clock">,
  env: (name: string) => string | undefined,
): Promise<KubernetesPeer> {
  const mask = new SecretMask();
  const credentials = await loadCredentials(config, { files: systemFiles, clock, mask, env });
  const api = new KubernetesApi(systemRuntime(), credentials);
  const cluster = new KubernetesCluster(api, "neuralops-simulation");
  const scene = {
    shop: `simulate-${id}-shop`,
    sandbox: `simulate-${id}-sandbox`,
    payments: `simulate-${id}-payments`,
  };
  const token = await credentials.token();
  try {
    for (const name of [scene.shop, scene.sandbox]) {
      await cluster.create(namespace(name), { dryRun: false });
    }
  } catch (error) {
    api.close();
    throw error;
  }

  async function list(path: string): Promise<KubeObject[]> {
    const { object } = await api.request({ method: "GET", path, what: `list ${path}` });
    return (object.items as KubeObject[]).filter(isJsonObject);
  }
  return {
    name: "Kubernetes API",
    url: credentials.baseUrl,
    section,
    scene,
    get: (ref) => cluster.get(ref),
    // What an object is to people; its status goes on changing by itself.
    async touched() {
      const seen: JsonObject[] = [];
      for (const name of [scene.shop, scene.sandbox]) {
        seen.push(...await list(`/apis/apps/v1/namespaces/${name}/deployments`));
        seen.push(...await list(`/api/v1/namespaces/${name}/configmaps`));
      }
      return JSON.stringify(seen.map((object) => comparable(object as KubeObject)));
    },
    secrets: () => [token, credentials.keyPem].flatMap((secret) => secret ?? []),
    async close() {
      try {
        for (const name of [scene.shop, scene.sandbox]) {
          const ref = { apiVersion: "v1", kind: "Namespace", name };
          const found = await cluster.get(ref);
          if (found) await cluster.delete(ref, uidOf(found)!, { dryRun: false });
        }
      } finally {
        api.close();
      }
    },
  };
}

function namespace(name: string): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}
