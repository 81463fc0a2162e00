/** The connector's own way to the target: its adapter, and the operations of its executions. */
import { RootedFiles } from "../../../src/adapters/host_files.ts";
import { KubernetesApi } from "../../../src/adapters/kubernetes/api.ts";
import { KubernetesCluster } from "../../../src/adapters/kubernetes/cluster.ts";
import type { KubeObject, ObjectRef } from "../../../src/core/kubernetes_object.ts";
import { comparable } from "../../../src/core/diff.ts";
import type { OperationContext } from "../../../src/execution/operations/operation.ts";
import { systemRuntime } from "../../../src/runtime_deno.ts";
import type { Identity } from "./session.ts";
import type { Ground } from "./target.ts";

export const MANAGER = "neuralops-connector";

export interface Product extends Ground {
  readonly cluster: KubernetesCluster;
  readonly context: OperationContext;
  /** A manifest in the namespace. */
  place<T extends { metadata: object }>(object: T): KubeObject;
  ref(kind: string, name: string, apiVersion?: string): ObjectRef;
}

export async function withProduct(
  ground: Ground,
  act: (product: Product) => Promise<void>,
  as: Identity = ground.target.admin,
): Promise<void> {
  const { url, caPem } = ground.target;
  const { token = null, ...certificate } = as;
  const api = new KubernetesApi(systemRuntime(), {
    baseUrl: url,
    caPem,
    ...certificate,
    token: () => Promise.resolve(token),
    forgetToken() {},
  });
  const { namespace } = ground;
  try {
    await act({
      ...ground,
      cluster: new KubernetesCluster(api, MANAGER),
      context: {
        executionId: crypto.randomUUID(),
        fieldManager: MANAGER,
        maskSalt: "salt",
        hostFiles: new RootedFiles(systemRuntime().tree, [], 0),
      },
      place: (object) =>
        ({ ...object, metadata: { ...object.metadata, namespace } }) as unknown as KubeObject,
      ref: (kind, name, apiVersion = "v1") => ({ apiVersion, kind, namespace, name }),
    });
  } finally {
    api.close();
  }
}

/** What a revert must bring back: content, and who owns what. Times and the status are the server's. */
export function essence(object: KubeObject): unknown {
  const entries = object.metadata.managedFields as unknown as Record<string, unknown>[];
  const owners = (entries ?? []).filter(({ subresource }) => subresource !== "status")
    .map(({ time: _time, ...entry }) => withoutRevision(entry));
  const sorted = owners.map((entry) => JSON.stringify(entry, sortKeys)).sort();
  return { content: comparable(object), owners: sorted };
}

/** The Deployment controller's annotation comes when it comes. */
function withoutRevision(entry: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(
    JSON.stringify(
      entry,
      (key, value) => key === "f:deployment.kubernetes.io/revision" ? undefined : value,
    ),
  );
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1));
}
