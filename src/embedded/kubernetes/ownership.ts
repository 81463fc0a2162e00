/**
 * Who owns which field: server-side apply and plain updates as rules over field sets. Pure; follows
 * `merge.Updater` of structured-merge-diff, so that conflicts and prunes come out as on a cluster.
 */
import { EMPTY, FieldSet } from "./field_set.ts";
import { isObject, type JsonObject, type KubeObject, type ManagedFieldsEntry } from "./json.ts";
import { compare, fieldsOf, merge, removeFields, withNamedFields } from "./merge.ts";
import type { Schema } from "./schema.ts";

export interface Manager {
  readonly name: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  /** "" for the object itself. */
  readonly subresource: string;
}

export interface Owner extends Manager {
  readonly fields: FieldSet;
  readonly time: string;
}

/** Owners by identity; see `identify`. */
export type Owners = ReadonlyMap<string, Owner>;

export interface FieldConflict {
  readonly owner: Manager;
  readonly path: string;
}

export type ApplyResult =
  | { readonly object: JsonObject; readonly owners: Owners }
  | { readonly conflicts: readonly FieldConflict[] };

/** Appliers keep one entry whatever version they speak; updaters have one per version. */
function identify(manager: Manager): string {
  const version = manager.operation === "Apply" ? "" : manager.apiVersion;
  return JSON.stringify([manager.operation, manager.name, version, manager.subresource]);
}

/** Bookkeeping fields that nobody owns. */
const UNOWNED = FieldSet.fromFieldsV1({
  "f:apiVersion": {},
  "f:kind": {},
  "f:metadata": {
    ".": {},
    "f:name": {},
    "f:generateName": {},
    "f:namespace": {},
    "f:creationTimestamp": {},
    "f:deletionTimestamp": {},
    "f:uid": {},
    "f:generation": {},
    "f:managedFields": {},
    "f:resourceVersion": {},
    "f:selfLink": {},
  },
});

export interface ApplyInput {
  /** null when the object does not exist yet. */
  readonly live: JsonObject | null;
  readonly config: JsonObject;
  readonly owners: Owners;
  readonly manager: Manager;
  readonly force: boolean;
  readonly time: string;
  readonly schema: Schema;
}

/** Throws TypeError when `config` does not fit its schema's list keys. */
export function applyConfig(input: ApplyInput): ApplyResult {
  const { config, manager, schema } = input;
  const live = input.live ?? {};
  const id = identify(manager);
  const before = input.owners.get(id);
  const owners = new Map(input.owners);
  owners.set(id, { ...manager, fields: fieldsOf(config, schema), time: input.time });

  const merged = merge(live, config, schema) as JsonObject;
  const object = prune(merged, owners, before?.fields ?? EMPTY, schema);
  const change = compare(live, object, schema);
  const conflicts = conflictsOf(owners, id, change.added.union(change.modified));
  if (!input.force && conflicts.length > 0) return { conflicts };

  // The name and the like count while pruning, so that they stay, but are nobody's afterwards.
  const claimed = owners.get(id)!.fields.difference(UNOWNED);
  const isNoOp = changedFields(change).isEmpty && before?.fields.equals(claimed);
  owners.set(id, { ...manager, fields: claimed, time: isNoOp ? before!.time : input.time });
  return { object, owners: disown(owners, id, change) };
}

/** An update by `manager` from `live` to `next`: it takes over whatever it changed. */
export function trackUpdate(input: {
  readonly live: JsonObject | null;
  readonly next: JsonObject;
  readonly owners: Owners;
  readonly manager: Manager;
  readonly time: string;
  readonly schema: Schema;
}): Owners {
  const { owners, manager } = input;
  const change = compare(input.live ?? {}, input.next, input.schema);
  const taken = change.added.union(change.modified).difference(UNOWNED);
  const result = new Map(disown(owners, null, change));
  if (taken.isEmpty) return result;
  const id = identify(manager);
  const fields = taken.union(result.get(id)?.fields ?? EMPTY);
  return result.set(id, { ...manager, fields, time: input.time });
}

type Change = ReturnType<typeof compare>;

function conflictsOf(owners: Owners, self: string, changed: FieldSet): FieldConflict[] {
  return [...owners].filter(([id]) => id !== self).flatMap(([, owner]) =>
    owner.fields.intersection(changed).paths().map((path) => ({ owner, path }))
  );
}

function disown(owners: Owners, self: string | null, change: Change): Owners {
  const lost = changedFields(change);
  const kept = new Map<string, Owner>();
  for (const [id, owner] of owners) {
    const fields = id === self ? owner.fields : owner.fields.difference(lost);
    if (!fields.isEmpty) kept.set(id, { ...owner, fields });
  }
  return kept;
}

function changedFields(change: Change): FieldSet {
  return change.added.union(change.modified).union(change.removed);
}

/** Takes out what this manager set before and now leaves out, unless somebody else owns it. */
function prune(merged: JsonObject, owners: Owners, last: FieldSet, schema: Schema): JsonObject {
  if (last.isEmpty) return merged;
  const named = (set: FieldSet) => withNamedFields(set, schema);
  const without = (set: FieldSet) => (removeFields(merged, set, schema) ?? {}) as JsonObject;
  const all = named(fieldsOf(merged, schema));
  const lastNamed = named(last);
  const owned = [...owners.values()].reduce((sum, owner) => sum.union(owner.fields), EMPTY);

  const pruned = without(lastNamed);
  const kept = without(all.difference(named(fieldsOf(pruned, schema)).union(named(owned))));
  return without(all.difference(named(fieldsOf(kept, schema))).intersection(lastNamed));
}

/** Reads `metadata.managedFields`; an entry that names no manager is dropped, as a reset does. */
export function readOwners(object: KubeObject | null): Owners {
  const owners = new Map<string, Owner>();
  for (const entry of object?.metadata.managedFields ?? []) {
    if (typeof entry.manager !== "string" || !isObject(entry.fieldsV1)) continue;
    const owner: Owner = {
      name: entry.manager,
      operation: entry.operation,
      apiVersion: entry.apiVersion,
      subresource: entry.subresource ?? "",
      time: entry.time,
      fields: FieldSet.fromFieldsV1(entry.fieldsV1),
    };
    owners.set(identify(owner), owner);
  }
  return owners;
}

export function writeOwners(owners: Owners): ManagedFieldsEntry[] {
  const order = (owner: Owner) =>
    [owner.operation, owner.time, owner.name, owner.apiVersion, owner.subresource].join("\0");
  return [...owners.values()]
    .sort((a, b) => order(a) < order(b) ? -1 : 1)
    .map((owner) => ({
      manager: owner.name,
      operation: owner.operation,
      apiVersion: owner.apiVersion,
      time: owner.time,
      fieldsType: "FieldsV1",
      fieldsV1: owner.fields.toFieldsV1(),
      ...(owner.subresource ? { subresource: owner.subresource } : {}),
    }));
}

/** For an object that has no owner at all yet: what stands in it belongs to nobody in particular. */
export function ownersBeforeFirstApply(
  live: JsonObject,
  apiVersion: string,
  time: string,
  schema: Schema,
): Owners {
  const fields = compare({}, live, schema).added.difference(UNOWNED);
  const owner: Owner = {
    name: "before-first-apply",
    operation: "Update",
    apiVersion,
    subresource: "",
    fields,
    time,
  };
  return new Map([[identify(owner), owner]]);
}
