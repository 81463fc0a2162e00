/** JSON values and Kubernetes objects as plain data. */

export type Json = null | boolean | number | string | Json[] | JsonObject;
export type JsonObject = { [field: string]: Json };

export type ManagedFieldsEntry = {
  manager: string;
  operation: "Apply" | "Update";
  apiVersion: string;
  time: string;
  fieldsType: "FieldsV1";
  fieldsV1: JsonObject;
  subresource?: string;
};

export type Metadata = {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: { [key: string]: string };
  annotations?: { [key: string]: string };
  finalizers?: string[];
  ownerReferences?: JsonObject[];
  managedFields?: ManagedFieldsEntry[];
  [field: string]: Json;
};

export type KubeObject = {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
  [field: string]: Json;
};

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Equal as Kubernetes sees it: the order of fields means nothing, the order of lists does. */
export function equals(left: Json | undefined, right: Json | undefined): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => equals(item, right[index]));
  }
  if (!isObject(left) || !isObject(right)) return false;
  const fields = Object.keys(left);
  return fields.length === Object.keys(right).length &&
    fields.every((field) => Object.hasOwn(right, field) && equals(left[field], right[field]));
}

/** Without fields that are null: a typed server has no place to keep them. */
export function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  const kept: JsonObject = {};
  for (const [field, child] of Object.entries(value)) {
    if (child !== null) kept[field] = withoutNulls(child);
  }
  return kept;
}

/** The object at `path`, or undefined when something on the way is missing or no object. */
export function objectAt(root: JsonObject, ...path: string[]): JsonObject | undefined {
  let current: Json | undefined = root;
  for (const field of path) current = isObject(current) ? current[field] : undefined;
  return isObject(current) ? current : undefined;
}

export function objectsIn(list: Json | undefined): JsonObject[] {
  return Array.isArray(list) ? list.filter(isObject) : [];
}
