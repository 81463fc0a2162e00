/** Custom resources: the merge schema, defaults and validation from a definition's OpenAPI schema. */
import { type Cause, fieldError } from "./api_error.ts";
import { isObject, type Json, type JsonObject, type KubeObject, objectAt } from "./json.ts";
import { metadataSchema } from "./pod_schema.ts";
import type { Resource } from "./resources.ts";
import { any, flag, keyed, leaf, map, number, type Schema, set, text } from "./schema.ts";

/** A resource of a definition, with the schema that its objects must meet. */
export interface CustomResource extends Resource {
  readonly openApi: JsonObject;
}

export function customSchema(openApi: JsonObject): Schema {
  return {
    type: "struct",
    closed: openApi["x-kubernetes-preserve-unknown-fields"] !== true,
    pointer: false,
    fields: { ...propertiesOf(openApi), apiVersion: any, kind: any, metadata: metadataSchema },
  };
}

const SCALARS: Readonly<Record<string, Schema>> = {
  string: text,
  integer: number,
  number,
  boolean: flag,
};

function propertiesOf(openApi: JsonObject): Record<string, Schema> {
  const properties = Object.entries(objectAt(openApi, "properties") ?? {});
  return Object.fromEntries(
    properties.map(([name, child]) => [name, isObject(child) ? mergeSchema(child) : any]),
  );
}

function mergeSchema(openApi: JsonObject): Schema {
  if (openApi["x-kubernetes-preserve-unknown-fields"] === true) return any;
  if (openApi["type"] === "array") return listSchema(openApi);
  const scalar = SCALARS[String(openApi["type"])];
  if (scalar) return scalar;
  if (openApi["type"] !== "object" || openApi["x-kubernetes-map-type"] === "atomic") return leaf;
  const values = openApi["additionalProperties"];
  if (isObject(values)) return map(mergeSchema(values));
  if (values === true) return any;
  return { type: "struct", closed: true, pointer: true, fields: propertiesOf(openApi) };
}

function listSchema(openApi: JsonObject): Schema {
  const items = objectAt(openApi, "items") ?? {};
  if (openApi["x-kubernetes-list-type"] === "set") return set;
  const keys = openApi["x-kubernetes-list-map-keys"];
  if (openApi["x-kubernetes-list-type"] !== "map" || !Array.isArray(keys)) return leaf;
  const defaults = keys.map((key): [string, Json | undefined] => [
    String(key),
    objectAt(items, "properties", String(key))?.["default"],
  ]);
  const known = defaults.filter((entry): entry is [string, Json] => entry[1] !== undefined);
  return keyed(keys.join(" "), mergeSchema(items), Object.fromEntries(known));
}

/** Fills the schema's `default`s into the object itself. */
export function fillCustomDefaults(resource: Resource, object: KubeObject): void {
  if (isCustom(resource)) fillProperties(object, resource.openApi);
}

function fillProperties(value: Json, openApi: JsonObject): void {
  if (Array.isArray(value)) {
    const items = objectAt(openApi, "items");
    if (items) { for (const item of value) fillProperties(item, items); }
  }
  if (!isObject(value)) return;
  for (const [field, child] of Object.entries(objectAt(openApi, "properties") ?? {})) {
    if (!isObject(child)) continue;
    const fallback = child["default"];
    if (value[field] === undefined && fallback !== undefined) {
      value[field] = structuredClone(fallback);
    }
    if (value[field] !== undefined) fillProperties(value[field], child);
  }
}

export function customErrors(resource: Resource, object: KubeObject): Cause[] {
  return isCustom(resource) ? schemaErrors(object, resource.openApi, "") : [];
}

function isCustom(resource: Resource): resource is CustomResource {
  return resource.isCustom;
}

function schemaErrors(value: Json, openApi: JsonObject, path: string): Cause[] {
  if (!hasType(value, openApi)) {
    const what =
      `Invalid value: ${JSON.stringify(typeOf(value))}: ${path} in body must be of type ` +
      `${openApi["type"]}: ${JSON.stringify(typeOf(value))}`;
    return [fieldError("FieldValueTypeInvalid", path, what)];
  }
  return [...limitErrors(value, openApi, path), ...childErrors(value, openApi, path)];
}

function childErrors(value: Json, openApi: JsonObject, path: string): Cause[] {
  const items = objectAt(openApi, "items");
  if (Array.isArray(value)) {
    return items ? value.flatMap((item, i) => schemaErrors(item, items, `${path}[${i}]`)) : [];
  }
  if (!isObject(value)) return [];
  const required = Array.isArray(openApi["required"]) ? openApi["required"].map(String) : [];
  const missing = required.filter((field) => value[field] === undefined)
    .map((field) => fieldError("FieldValueRequired", join(path, field), "Required value"));
  const below = Object.entries(value).flatMap(([field, child]) => {
    const schema = objectAt(openApi, "properties", field) ??
      objectAt(openApi, "additionalProperties");
    return schema ? schemaErrors(child, schema, join(path, field)) : [];
  });
  return [...missing, ...below];
}

function limitErrors(value: Json, openApi: JsonObject, path: string): Cause[] {
  const causes: Cause[] = [];
  const refuse = (why: string) =>
    causes.push(
      fieldError("FieldValueInvalid", path, `Invalid value: ${JSON.stringify(value)}: ${why}`),
    );
  const { minimum, maximum, maxLength, maxItems, pattern } = openApi;
  const allowed = openApi["enum"];
  if (Array.isArray(allowed) && !allowed.includes(value)) {
    const names = allowed.map((name) => JSON.stringify(name)).join(", ");
    const what = `Unsupported value: ${JSON.stringify(value)}: supported values: ${names}`;
    causes.push(fieldError("FieldValueNotSupported", path, what));
  }
  if (typeof value === "number") {
    if (typeof minimum === "number" && value < minimum) {
      refuse(`${path} in body should be greater than or equal to ${minimum}`);
    }
    if (typeof maximum === "number" && value > maximum) {
      refuse(`${path} in body should be less than or equal to ${maximum}`);
    }
  }
  if (typeof value === "string") {
    if (typeof maxLength === "number" && [...value].length > maxLength) {
      refuse(`${path}: Too long: may not be more than ${maxLength} bytes`);
    }
    if (typeof pattern === "string" && !new RegExp(pattern, "u").test(value)) {
      refuse(`${path} in body should match '${pattern}'`);
    }
  }
  if (Array.isArray(value) && typeof maxItems === "number" && value.length > maxItems) {
    refuse(`${path}: Too many: must have at most ${maxItems} items`);
  }
  return causes;
}

function hasType(value: Json, openApi: JsonObject): boolean {
  if (openApi["x-kubernetes-int-or-string"] === true) {
    return typeof value === "string" || Number.isInteger(value);
  }
  const wanted = openApi["type"];
  const actual = typeOf(value);
  return wanted === undefined || wanted === actual || (wanted === "number" && actual === "integer");
}

function typeOf(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

function join(path: string, field: string): string {
  return path ? `${path}.${field}` : field;
}
