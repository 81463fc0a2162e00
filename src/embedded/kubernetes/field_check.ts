/** Fields that a type does not have, and lists that break their keys. Pure. */
import { formatElement } from "./field_set.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import {
  fieldOf,
  fieldSchema,
  itemElement,
  itemSchema,
  resolve,
  type Scalar,
  type Schema,
} from "./schema.ts";

/** Paths as the strict decoder writes them: `spec.template.spec.containers[0].imag`. */
export function unknownFields(value: Json, schema: Schema, path = ""): string[] {
  const shape = resolve(schema, value);
  if (shape.type === "leaf") return [];
  if (shape.type === "map" || shape.type === "struct") {
    if (!isObject(value)) return [];
    return Object.entries(value).flatMap(([field, child]) => {
      const here = path ? `${path}.${field}` : field;
      const isUnknown = shape.type === "struct" && shape.closed && !fieldOf(shape, field);
      return isUnknown ? [here] : unknownFields(child, fieldSchema(shape, field), here);
    });
  }
  const items = Array.isArray(value) ? value : [];
  return items.flatMap((item, index) =>
    unknownFields(item, itemSchema(shape), `${path}[${index}]`)
  );
}

/** Scalars of another type than the schema's, in the words of the decoder. */
export function typeErrors(value: Json, schema: Schema, path = ""): string[] {
  const shape = resolve(schema, value);
  if (shape.type === "leaf") {
    if (isFit(value, shape.scalar)) return [];
    const wanted = { string: "string", numeric: "int32", boolean: "bool" }[shape.scalar!];
    return [
      `json: cannot unmarshal ${typeNameOf(value)} into Go struct field ${path} of type ${wanted}`,
    ];
  }
  if (shape.type === "map" || shape.type === "struct") {
    if (!isObject(value)) return [];
    return Object.entries(value).flatMap(([field, child]) =>
      typeErrors(child, fieldSchema(shape, field), `${path}.${field}`)
    );
  }
  const items = Array.isArray(value) ? value : [];
  return items.flatMap((item) => typeErrors(item, itemSchema(shape), path));
}

function isFit(value: Json, scalar: Scalar | undefined): boolean {
  if (scalar === undefined || value === null) return true;
  const actual = typeof value;
  return actual === (scalar === "numeric" ? "number" : scalar);
}

function typeNameOf(value: Json): string {
  return typeof value === "boolean" ? "bool" : Array.isArray(value) ? "array" : typeof value;
}

export function withoutUnknownFields<Value extends Json>(value: Value, schema: Schema): Value {
  return prune(value, schema) as Value;
}

function prune(value: Json, schema: Schema): Json {
  const shape = resolve(schema, value);
  if (shape.type === "leaf") return value;
  if (shape.type === "map" || shape.type === "struct") {
    if (!isObject(value)) return value;
    const kept: JsonObject = {};
    for (const [field, child] of Object.entries(value)) {
      if (shape.type === "struct" && shape.closed && !fieldOf(shape, field)) continue;
      kept[field] = prune(child, fieldSchema(shape, field));
    }
    return kept;
  }
  return Array.isArray(value) ? value.map((item) => prune(item, itemSchema(shape))) : value;
}

/** Why a configuration cannot be applied, in the words of the real server; empty when it can. */
export function configErrors(value: Json, schema: Schema, path = ""): string[] {
  const shape = resolve(schema, value);
  if (value === null) return [];
  if (shape.type === "leaf") {
    return isFit(value, shape.scalar) ? [] : [`${path}: ${misfit(value, shape.scalar!)}`];
  }
  if (shape.type === "map" || shape.type === "struct") {
    if (!isObject(value)) return [`${path}: expected map, got ${describe(value)}`];
    return Object.entries(value).flatMap(([field, child]) => {
      const here = `${path}.${field}`;
      const isUnknown = shape.type === "struct" && shape.closed && !fieldOf(shape, field);
      if (isUnknown) return [`${here}: field not declared in schema`];
      return configErrors(child, fieldSchema(shape, field), here);
    });
  }
  if (!Array.isArray(value)) return [`${path}: expected list, got ${describe(value)}`];
  const seen = new Set<string>();
  return value.flatMap((item, index) => {
    let element: string;
    try {
      element = itemElement(shape, item);
    } catch (error) {
      return [`${path}: element ${index}: ${(error as Error).message}`];
    }
    const isDuplicate = seen.has(element);
    seen.add(element);
    const formatted = formatElement(element);
    if (isDuplicate) return [`${path}: duplicate entries for key ${formatted}`];
    return configErrors(item, itemSchema(shape), path + formatted);
  });
}

function misfit(value: Json, scalar: Scalar): string {
  switch (scalar) {
    case "numeric":
      return `expected numeric (int or float), got ${typeof value}`;
    case "boolean":
      return `expected boolean, got &{${value}}`;
    case "string":
      return `expected string, got &value.valueUnstructured{Value:${JSON.stringify(value)}}`;
  }
}

function describe(value: Json): string {
  return `&{${JSON.stringify(value)}}`;
}
