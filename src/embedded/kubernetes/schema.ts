/**
 * What server-side apply must know of a type: which maps and lists merge, by which keys, and which
 * are replaced whole. Mirrors the `x-kubernetes-list-type`/`map-type` marks of the real OpenAPI.
 */
import { isObject, type Json, type JsonObject } from "./json.ts";

/** A scalar, or a list or map that has one owner as a whole. */
export type LeafSchema = {
  readonly type: "leaf";
  readonly scalar?: Scalar;
  /** The encoder leaves out "", 0 and false. */
  readonly omitsZero?: boolean;
  /** Of free keys, with one owner as a whole. */
  readonly isMap?: boolean;
};
export type Scalar = "string" | "numeric" | "boolean";
/** Nothing is known: objects merge by field, lists are replaced whole. */
export type AnySchema = { readonly type: "any" };
/** Free keys, for example labels. */
export type MapSchema = { readonly type: "map"; readonly element: Schema };
export type StructSchema = {
  readonly type: "struct";
  readonly fields: Readonly<Record<string, Schema>>;
  /** Unknown fields are pruned, or refused under strict validation. */
  readonly closed: boolean;
  /** Absent until someone sets it, so that the setter owns its existence too. */
  readonly pointer: boolean;
};
export type KeyedSchema = {
  readonly type: "keyed";
  readonly keys: readonly string[];
  readonly defaults: JsonObject;
  readonly element: Schema;
};
/** A list of scalars, each owned by itself. */
export type SetSchema = { readonly type: "set" };

export type Schema = LeafSchema | AnySchema | MapSchema | StructSchema | KeyedSchema | SetSchema;

export const leaf: Schema = { type: "leaf" };
export const atomicMap: Schema = { type: "leaf", isMap: true };
export const text: Schema = { type: "leaf", scalar: "string" };
export const number: Schema = { type: "leaf", scalar: "numeric" };
export const flag: Schema = { type: "leaf", scalar: "boolean" };
export const any: Schema = { type: "any" };
export const set: Schema = { type: "set" };

export function map(element: Schema = leaf): Schema {
  return { type: "map", element };
}

/** A struct whose field names are all known; `names` are the fields without a schema of their own. */
export function struct(names: string, fields: Record<string, Schema> = {}): StructSchema {
  return { type: "struct", fields: { ...named(names), ...fields }, closed: true, pointer: false };
}

/** For a scalar whose zero is as good as absent. */
export function omitted(scalar: Scalar): Schema {
  return { type: "leaf", scalar, omitsZero: true };
}

/** The same schema for each of these fields. */
export function each(schema: Schema, names: string): Record<string, Schema> {
  return Object.fromEntries(names.split(" ").map((name) => [name, schema]));
}

/** A struct of which only some fields are described; the rest is deduced from the values. */
export function open(fields: Record<string, Schema>): StructSchema {
  return { type: "struct", fields, closed: false, pointer: false };
}

export function pointer(schema: StructSchema): StructSchema {
  return { ...schema, pointer: true };
}

/** A list merged by key fields; a key field with a default may be absent from an item. */
export function keyed(keys: string, element: Schema, defaults: JsonObject = {}): Schema {
  return { type: "keyed", keys: keys.split(" ").sort(), defaults, element };
}

function named(names: string): Record<string, Schema> {
  return Object.fromEntries(names.split(" ").filter(Boolean).map((name) => [name, any]));
}

/** `any` made concrete by a value at hand. */
export function resolve(schema: Schema, value: Json | undefined): Exclude<Schema, AnySchema> {
  if (schema.type !== "any") return schema;
  return isObject(value) ? { type: "map", element: any } : { type: "leaf" };
}

export function fieldSchema(schema: MapSchema | StructSchema, field: string): Schema {
  return schema.type === "map" ? schema.element : fieldOf(schema, field) ?? any;
}

/** The schema of a declared field; undefined for free keys and unknown fields. */
export function fieldOf(schema: Schema, field: string): Schema | undefined {
  if (schema.type !== "struct" || !Object.hasOwn(schema.fields, field)) return undefined;
  return schema.fields[field];
}

/** An item's identity in its list. Throws TypeError when a key field is missing. */
export function itemElement(schema: KeyedSchema | SetSchema, item: Json): string {
  if (schema.type === "set") return `v:${JSON.stringify(item)}`;
  const keys: JsonObject = {};
  for (const key of schema.keys) {
    const value = (isObject(item) ? item[key] : undefined) ?? schema.defaults[key];
    if (value === undefined) {
      throw new TypeError(
        `associative list with keys has an element that omits key field ${JSON.stringify(key)}`,
      );
    }
    keys[key] = value;
  }
  return `k:${JSON.stringify(keys)}`;
}

export function itemSchema(schema: KeyedSchema | SetSchema): Schema {
  return schema.type === "set" ? leaf : schema.element;
}
