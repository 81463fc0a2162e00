/**
 * Who owns one field, read from and written to managedFields (FieldsV1). A plain patch makes its sender
 * the owner of what it changes; these lists give a field back to those who had it.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#changing-managed-fields-manually
 */
import type { V1ManagedFieldsEntry } from "@kubernetes/client-node";
import {
  isJsonObject,
  type JsonObject,
  type KubeObject,
  managedFieldsOf,
} from "./kubernetes_object.ts";

export type OwnerEntry = V1ManagedFieldsEntry;

/** The entries of `object` that own the field at `path`. */
export function ownersOf(object: KubeObject, path: readonly string[]): OwnerEntry[] {
  return managedFieldsOf(object).filter((entry) => holds(fieldsOf(entry), path));
}

/** The managedFields of `object` with the field at `path` owned by `owners` alone; null where it is so already. */
export function withOwners(
  object: KubeObject,
  path: readonly string[],
  owners: readonly OwnerEntry[],
): OwnerEntry[] | null {
  const wanted = new Map(owners.map((owner) => [identify(owner), owner]));
  const present = ownersOf(object, path).map(identify);
  if (present.length === wanted.size && present.every((id) => wanted.has(id))) return null;
  const entries = managedFieldsOf(object).flatMap((entry): OwnerEntry[] => {
    const fields = wanted.delete(identify(entry))
      ? added(fieldsOf(entry), path)
      : removed(fieldsOf(entry), path);
    return Object.keys(fields).length === 0 ? [] : [{ ...entry, fieldsV1: fields }];
  });
  const returned = [...wanted.values()].map((owner) => ({ ...owner, fieldsV1: added({}, path) }));
  return [...entries, ...returned];
}

function identify({ manager, operation, apiVersion, subresource }: OwnerEntry): string {
  return JSON.stringify([manager, operation, apiVersion, subresource ?? ""]);
}

function fieldsOf(entry: OwnerEntry): JsonObject {
  return isJsonObject(entry.fieldsV1) ? entry.fieldsV1 : {};
}

function holds(fields: JsonObject, path: readonly string[]): boolean {
  let inner: unknown = fields;
  for (const key of path) inner = isJsonObject(inner) ? inner[`f:${key}`] : undefined;
  return inner !== undefined;
}

function added(fields: JsonObject, [key, ...rest]: readonly string[]): JsonObject {
  if (key === undefined) return fields;
  const inner = fields[`f:${key}`];
  // A leaf is owned itself; once it has branches, a dot says so.
  const isLeaf = isJsonObject(inner) && Object.keys(inner).length === 0 && rest.length > 0;
  const branch = isLeaf ? { ".": {} } : isJsonObject(inner) ? inner : {};
  return { ...fields, [`f:${key}`]: added(branch, rest) };
}

/** Branches that become empty go too. */
function removed(fields: JsonObject, [key, ...rest]: readonly string[]): JsonObject {
  const { [`f:${key}`]: inner, ...others } = fields;
  if (!isJsonObject(inner)) return fields;
  if (rest.length === 0) return others;
  const left = removed(inner, rest);
  if (left === inner) return fields;
  return Object.keys(left).length === 0 ? others : { ...fields, [`f:${key}`]: left };
}
