/** Empty maps and lists, and some zeros, of a typed object, which its encoder leaves out. Pure. */
import { isObject, type Json, type JsonObject } from "./json.ts";
import { fieldOf, fieldSchema, itemSchema, type Schema } from "./schema.ts";

/** Custom resources keep theirs. */
export function withoutEmptyFields(object: JsonObject, schema: Schema): JsonObject {
  return prune(object, schema) as JsonObject;
}

function prune(value: Json, schema: Schema): Json {
  if (Array.isArray(value)) {
    const inner: Schema = schema.type === "keyed" ? itemSchema(schema) : { type: "any" };
    return value.map((item) => prune(item, inner));
  }
  if (!isObject(value) || schema.type === "keyed" || schema.type === "set") return value;
  const kept: JsonObject = {};
  for (const [field, child] of Object.entries(value)) {
    const below = schema.type === "struct"
      ? fieldOf(schema, field) ?? ANY
      : schema.type === "map"
      ? fieldSchema(schema, field)
      : ANY;
    if (!isEmpty(child, below)) kept[field] = prune(child, below);
  }
  return kept;
}

const ANY: Schema = { type: "any" };

/** An empty struct stays: only of a map is it known that it holds nothing. */
function isEmpty(value: Json, schema: Schema): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (schema.type === "leaf" && schema.omitsZero && !value) return true;
  const isMap = schema.type === "map" || (schema.type === "leaf" && schema.isMap === true);
  return isMap && isObject(value) && Object.keys(value).length === 0;
}
