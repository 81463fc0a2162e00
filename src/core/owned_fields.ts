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

/** The apply configuration that `manager` had at the time of `object`; bare identity where it had none. */
export function ownedFields(object: KubeObject, manager: string): KubeObject {
  const entry = managedFieldsOf(object).find((candidate) =>
    candidate.manager === manager && candidate.operation === "Apply" && !candidate.subresource
  );
  const cut = entry?.fieldsV1 ? extract(object, entry.fieldsV1 as JsonObject) : {};
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

/** The part of `value` that the field set names; undefined where nothing of it is there any more. */
function extract(value: Json | undefined, fields: JsonObject): Json | undefined {
  if (value === undefined) return undefined;
  const keys = Object.keys(fields).filter((key) => key !== ".");
  if (keys.length === 0) return value;
  if (Array.isArray(value)) return extractItems(value, fields, keys);
  if (!isJsonObject(value)) return value;
  const out: JsonObject = {};
  for (const key of keys) {
    if (!key.startsWith("f:")) continue;
    const name = key.slice(2);
    const inner = fields[key];
    const part = extract(value[name], isJsonObject(inner) ? inner : {});
    if (part !== undefined) out[name] = part;
  }
  return out;
}

function extractItems(list: Json[], fields: JsonObject, keys: string[]): Json[] {
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
      const part = extract(item, isJsonObject(fields[key]) ? fields[key] : {});
      return isJsonObject(part) ? [{ ...identity, ...part }] : [];
    }
    return [];
  });
}
