/** Objects as the cases send them. */
import {
  type JsonObject,
  type KubeObject,
  objectAt,
  objectsIn,
} from "../../../src/embedded/kubernetes/json.ts";

export const MERGE = "application/merge-patch+json";

export function deployment(name: string, spec: JsonObject = {}): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: "main", image: "registry.local/web:1" }] },
      },
      ...spec,
    },
  };
}

/** With one container that has this image. */
export function withImage(image: string, replicas = 2): KubeObject {
  const object = deployment("web", { replicas });
  objectAt(object, "spec", "template", "spec")!["containers"] = [{ name: "main", image }];
  return object;
}

export function configMap(
  name: string,
  data: { [key: string]: string } = {},
  metadata: JsonObject = {},
): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...metadata }, data };
}

export function lease(spec: JsonObject): KubeObject {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "leader" },
    spec,
  };
}

export function conditionOf(object: KubeObject, type: string): JsonObject | undefined {
  return objectsIn(objectAt(object, "status")?.["conditions"])
    .find((item) => item["type"] === type);
}

/** `manager operation subresource` of every entry, sorted. */
export function managersOf({ metadata }: KubeObject): string[] {
  return (metadata.managedFields ?? [])
    .map(({ manager, operation, subresource }) =>
      [manager, operation, ...(subresource ? [subresource] : [])].join(" ")
    ).sort();
}
