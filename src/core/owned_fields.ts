/**
 * What one field manager owns of an object, cut out by its managedFields entry (FieldsV1:
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management). Applying the
 * cut again under the same manager restores those fields and gives up every other.
 */
import {
  isJsonObject,
  type Json,
  type JsonObject,
  type KubeObject,
  managedFieldsOf,
} from "./kubernetes_object.ts";

/** Whether `manager` has applied the object and still owns something of it. */
export function isAppliedBy(object: KubeObject, manager: string): boolean {
  return fieldsAppliedBy(object, manager) !== null;
}

/** The field set that `manager` owns by apply; null where it owns nothing so. */
export function fieldsAppliedBy(object: KubeObject, manager: string): JsonObject | null {
  const entry = entryOf(object, manager);
  return entry ? asFields(entry.fieldsV1) : null;
}

/** The apply configuration that `manager` had at the time of `object`; bare identity where it had none. */
export function ownedFields(object: KubeObject, manager: string): KubeObject {
  const entry = entryOf(object, manager);
  const others = managedFieldsOf(object)
    .filter((other) => other !== entry)
    .map((other) => asFields(other.fieldsV1));
  const cut = entry ? extract(object, asFields(entry.fieldsV1), others) : {};
  const owned = isJsonObject(cut) ? cut : {};
  const { namespace } = object.metadata;
  return {
    ...owned,
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: {
      ...(isJsonObject(owned.metadata) ? owned.metadata : {}),
      name: object.metadata.name,
      ...(namespace === undefined ? {} : { namespace }),
    },
  };
}

function entryOf(object: KubeObject, manager: string) {
  return managedFieldsOf(object).find((candidate) =>
    candidate.manager === manager && candidate.operation === "Apply" && !candidate.subresource
  );
}

/**
 * The part of `value` that the field set names; undefined where nothing of it is there any more.
 * @param others what the other managers own at the same place
 */
function extract(
  value: Json | undefined,
  fields: JsonObject,
  others: readonly JsonObject[],
): Json | undefined {
  if (value === undefined) return undefined;
  const keys = branchesOf(fields);
  if (keys.length === 0) {
    // Where others own branches, a leaf stands for an empty container of ours, not for what is in it.
    if (others.every((other) => branchesOf(other).length === 0)) return value;
    return Array.isArray(value) ? [] : {};
  }
  if (Array.isArray(value)) return extractItems(value, fields, keys, others);
  if (!isJsonObject(value)) return value;
  const out: JsonObject = {};
  for (const key of keys) {
    if (!key.startsWith("f:")) continue;
    const name = key.slice(2);
    if (!Object.hasOwn(value, name)) continue;
    const part = extract(value[name], asFields(fields[key]), below(others, key));
    if (part !== undefined) out[name] = part;
  }
  return out;
}

function branchesOf(fields: JsonObject): string[] {
  return Object.keys(fields).filter((key) => key !== ".");
}

function below(others: readonly JsonObject[], key: string): JsonObject[] {
  return others.map((other) => asFields(other[key]));
}

function asFields(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

function extractItems(
  list: Json[],
  fields: JsonObject,
  keys: readonly string[],
  others: readonly JsonObject[],
): Json[] {
  return list.flatMap((item): Json[] => {
    for (const key of keys) {
      if (
        key.startsWith("v:") && JSON.stringify(item) === JSON.stringify(JSON.parse(key.slice(2)))
      ) {
        return [item];
      }
      if (!key.startsWith("k:") || !isJsonObject(item)) continue;
      const identity = JSON.parse(key.slice(2)) as JsonObject;
      if (!Object.entries(identity).every(([name, wanted]) => item[name] === wanted)) continue;
      const part = extract(item, asFields(fields[key]), below(others, key));
      if (!isJsonObject(part)) return [];
      // A key field that the server filled in (a port's protocol) is no one's, and must stay so.
      const isNamed = Object.keys(identity).some((name) => Object.hasOwn(part, name));
      return [isNamed ? part : { ...identity, ...part }];
    }
    return [];
  });
}
