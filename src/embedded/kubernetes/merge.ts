/**
 * The pure operations beneath server-side apply, after structured-merge-diff: which fields a value
 * sets, how two values differ, one value laid over another, and a value without some fields.
 */
import { EMPTY, FieldSet, fieldSet, LEAF } from "./field_set.ts";
import { equals, isObject, type Json, type JsonObject } from "./json.ts";
import {
  fieldOf,
  fieldSchema,
  itemElement,
  itemSchema,
  type KeyedSchema,
  resolve,
  type Schema,
  type SetSchema,
} from "./schema.ts";

type Value = Json | undefined;

export interface Difference {
  readonly added: FieldSet;
  readonly removed: FieldSet;
  readonly modified: FieldSet;
}

/** The fields that a configuration sets: leaves, list items, and maps that are empty. */
export function fieldsOf(value: Json, schema: Schema): FieldSet {
  const shape = resolve(schema, value);
  if (shape.type === "leaf") return LEAF;
  if (shape.type === "map" || shape.type === "struct") {
    if (!isObject(value)) return EMPTY;
    const children = new Map<string, FieldSet>();
    for (const [field, child] of Object.entries(value)) {
      const below = fieldsOf(child, fieldSchema(shape, field));
      const owned = shape.type === "map" || isBlank(child);
      const set = owned ? below.asMember() : below;
      if (!set.isEmpty) children.set(`f:${field}`, set);
    }
    return new FieldSet(false, children);
  }
  const items = itemsByElement(value, shape);
  return fieldSet(
    false,
    items.keys(),
    (element) => fieldsOf(items.get(element)!, itemSchema(shape)).asMember(),
  );
}

function isBlank(value: Json): boolean {
  return value === null || (isObject(value) && Object.keys(value).length === 0);
}

function itemsByElement(value: Value, shape: KeyedSchema | SetSchema): Map<string, Json> {
  const items = Array.isArray(value) ? value : [];
  return new Map(items.map((item) => [itemElement(shape, item), item]));
}

/** Whether what holds the value is there, on either side. */
interface Parents {
  readonly left: boolean;
  readonly right: boolean;
}

export function compare(
  left: Value,
  right: Value,
  schema: Schema,
  parents: Parents = { left: true, right: true },
): Difference {
  const shape = resolve(schema, isObject(left) ? left : right);
  if (shape.type === "leaf" || isBlankPair(left, right)) return compareLeaf(left, right);
  if (shape.type === "map" || shape.type === "struct") {
    if (isScalar(left) || isScalar(right)) return compareLeaf(left, right);
    const before: JsonObject = isObject(left) ? left : {};
    const after: JsonObject = isObject(right) ? right : {};
    const fields = new Set([...Object.keys(before), ...Object.keys(after)]);
    // A struct without a pointer exists on the server with what holds it: nobody owns its existence.
    const isImplied = shape.type === "struct" && !shape.pointer;
    const there: Parents = {
      left: left !== undefined || (isImplied && parents.left),
      right: right !== undefined || (isImplied && parents.right),
    };
    const parts = [...fields].map((field) =>
      [
        `f:${field}`,
        compare(before[field], after[field], fieldSchema(shape, field), there),
      ] as const
    );
    return gather(parts, !there.left, !there.right);
  }
  const before = itemsByElement(left, shape);
  const after = itemsByElement(right, shape);
  const elements = new Set([...before.keys(), ...after.keys()]);
  const parts = [...elements].map((element) => {
    const [was, is] = [before.get(element), after.get(element)];
    const there: Parents = { left: was !== undefined, right: is !== undefined };
    const inner = compare(was, is, itemSchema(shape), there);
    return [element, {
      added: was === undefined ? inner.added.asMember() : inner.added,
      removed: is === undefined ? inner.removed.asMember() : inner.removed,
      modified: inner.modified,
    }] as const;
  });
  return gather(parts, left === undefined, right === undefined);
}

function isBlankPair(left: Value, right: Value): boolean {
  return [left, right].every((value) => value === undefined || isBlank(value));
}

function isScalar(value: Value): boolean {
  return value !== undefined && value !== null && !isObject(value);
}

function compareLeaf(left: Value, right: Value): Difference {
  return {
    added: left === undefined && right !== undefined ? LEAF : EMPTY,
    removed: left !== undefined && right === undefined ? LEAF : EMPTY,
    modified: left !== undefined && right !== undefined && !equals(left, right) ? LEAF : EMPTY,
  };
}

function gather(
  parts: readonly (readonly [string, Difference])[],
  isAdded: boolean,
  isRemoved: boolean,
): Difference {
  const byElement = new Map(parts);
  return {
    added: fieldSet(isAdded, byElement.keys(), (element) => byElement.get(element)!.added),
    removed: fieldSet(isRemoved, byElement.keys(), (element) => byElement.get(element)!.removed),
    modified: fieldSet(false, byElement.keys(), (element) => byElement.get(element)!.modified),
  };
}

/** `right` laid over `left`; nothing that only `left` has is lost, except inside atomic values. */
export function merge(left: Value, right: Value, schema: Schema): Json {
  if (right === undefined) return left ?? null;
  if (left === undefined || left === null) return right;
  const shape = resolve(schema, right);
  if (shape.type === "leaf") return right;
  if (right === null) return left;
  if (shape.type === "map" || shape.type === "struct") {
    if (!isObject(left) || !isObject(right)) return right;
    const merged: JsonObject = { ...left };
    for (const [field, value] of Object.entries(right)) {
      merged[field] = merge(left[field], value, fieldSchema(shape, field));
    }
    return merged;
  }
  return mergeLists(left, right, shape);
}

/** Keeps the order of `right`, with the items that only `left` has where `left` had them. */
function mergeLists(left: Json, right: Json, shape: KeyedSchema | SetSchema): Json[] {
  const before = itemsByElement(left, shape);
  const after = itemsByElement(right, shape);
  const pending = [...after.keys()];
  const merged: Json[] = [];
  const emit = (element: string) =>
    merged.push(merge(before.get(element), after.get(element), itemSchema(shape)));
  for (const element of before.keys()) {
    if (!after.has(element)) emit(element);
    else {
      const position = pending.indexOf(element);
      if (position >= 0) { for (const due of pending.splice(0, position + 1)) emit(due); }
    }
  }
  for (const element of pending) emit(element);
  return merged;
}

/** The value without the members of `fields`; undefined when nothing is left of it. */
export function removeFields(value: Json, fields: FieldSet, schema: Schema): Value {
  const shape = resolve(schema, value);
  if (shape.type === "leaf") return value;
  if (shape.type === "map" || shape.type === "struct") {
    if (!isObject(value)) return value;
    const kept: JsonObject = {};
    for (const [field, child] of Object.entries(value)) {
      const below = fields.child(`f:${field}`);
      if (below.member) continue;
      const rest = below.isEmpty ? child : removeFields(child, below, fieldSchema(shape, field));
      if (rest !== undefined) kept[field] = rest;
    }
    return Object.keys(kept).length > 0 || isBlank(value) ? kept : undefined;
  }
  if (!Array.isArray(value)) return value;
  const kept: Json[] = [];
  for (const item of value) {
    const below = fields.child(itemElement(shape, item));
    if (below.member) continue;
    const rest = below.isEmpty ? item : removeFields(item, below, itemSchema(shape));
    if (rest !== undefined) kept.push(rest);
  }
  return kept.length > 0 || value.length === 0 ? kept : undefined;
}

/** Adds each declared field on the way to a member: `spec` itself, when `spec.replicas` is in. */
export function withNamedFields(fields: FieldSet, schema: Schema): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [element, below] of fields.children) {
    const isField = element.startsWith("f:");
    const declared = isField ? fieldOf(schema, element.slice(2)) : undefined;
    const named = withNamedFields(below, declared ?? elementSchema(schema));
    children.set(element, declared ? named.asMember() : named);
  }
  return new FieldSet(fields.member, children);
}

function elementSchema(schema: Schema): Schema {
  return schema.type === "map" || schema.type === "keyed" ? schema.element : { type: "any" };
}
