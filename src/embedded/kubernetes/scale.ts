/** The `/scale` view of a workload, and the workload with what was written to that view. */
import type { KubeObject } from "./json.ts";
import { objectAt } from "./json.ts";
import type { Resource } from "./resources.ts";
import { any, open, type Schema, struct } from "./schema.ts";

const scaleSchema: Schema = struct("apiVersion kind", {
  metadata: open({}),
  spec: struct("replicas"),
  status: any,
});

/** Scale as if it were a resource of its own, for decoding. */
export function scaleResource(workload: Resource): Resource {
  return {
    ...workload,
    group: "autoscaling",
    version: "v1",
    kind: "Scale",
    schema: scaleSchema,
    isCustom: false,
  };
}

export function toScale(workload: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = workload.metadata;
  const labels = objectAt(workload, "spec", "selector", "matchLabels") ?? {};
  return {
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
    spec: { replicas: objectAt(workload, "spec")?.["replicas"] ?? 0 },
    status: {
      replicas: objectAt(workload, "status")?.["replicas"] ?? 0,
      selector: Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(","),
    },
  };
}

export function withScale(workload: KubeObject, scale: KubeObject): KubeObject {
  const replicas = objectAt(scale, "spec")?.["replicas"] ?? 0;
  return { ...workload, spec: { ...objectAt(workload, "spec"), replicas } };
}
