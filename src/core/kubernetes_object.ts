/** What the connector knows of any Kubernetes object: enough to name it, compare it and put it back. */
import type {
  KubernetesObject as TypedObject,
  V1ManagedFieldsEntry,
} from "@kubernetes/client-node";

/** Parsed JSON, as the API server gave it or a manifest wrote it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent for cluster-scoped objects. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** Named like client-node's types, but plain JSON: nothing is dropped that its models do not know. */
export type KubeObject = JsonObject & {
  apiVersion: NonNullable<TypedObject["apiVersion"]>;
  kind: NonNullable<TypedObject["kind"]>;
  metadata: JsonObject & { name: string };
};

/** `apps/v1/Deployment shop/checkout`, the way people and the policy write it. */
export function formatRef(ref: ObjectRef): string {
  const where = ref.namespace === undefined ? ref.name : `${ref.namespace}/${ref.name}`;
  return `${formatKind(ref)} ${where}`;
}

export function formatKind(ref: Pick<ObjectRef, "apiVersion" | "kind">): string {
  return `${ref.apiVersion}/${ref.kind}`;
}

export function refOf(object: KubeObject): ObjectRef {
  const namespace = object.metadata.namespace;
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    name: object.metadata.name,
    ...(typeof namespace === "string" && namespace !== "" ? { namespace } : {}),
  };
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function uidOf(object: KubeObject): string | null {
  return typeof object.metadata.uid === "string" ? object.metadata.uid : null;
}

export function managedFieldsOf(object: KubeObject): V1ManagedFieldsEntry[] {
  const entries = object.metadata.managedFields;
  return Array.isArray(entries) ? entries as unknown as V1ManagedFieldsEntry[] : [];
}
