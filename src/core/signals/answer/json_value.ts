/** A whole JSON value, for the parts of an answer that are few: no name twice in an object, nesting bounded. */
import type { JsonInput, Sequence } from "./json_input.ts";
import { odd } from "./malformed.ts";

const MAX_DEPTH = 64;
const MAX_KEYS = 10_000;

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
/** A map, for which `__proto__` and `9` are names like any other. */
export type JsonObject = Map<string, JsonValue>;

/** Throws MORE where the bytes end within it. */
export function readValue(input: JsonInput, depth = 0): JsonValue {
  if (depth > MAX_DEPTH) throw odd("JSON", `at most ${MAX_DEPTH} levels`);
  switch (input.peek()) {
    case 0x22:
      return input.text();
    case 0x7b:
      return readObject(input, depth);
    case 0x5b:
      return readList(input, depth);
    case 0x74:
      input.literal("true");
      return true;
    case 0x66:
      input.literal("false");
      return false;
    case 0x6e:
      input.literal("null");
      return null;
    default:
      return input.number();
  }
}

/** Throws InvalidInputError `malformed_answer` when a name comes twice. */
export function addKey(keys: Set<string> | JsonObject, key: string): void {
  if (keys.has(key)) throw odd("JSON", "each name once in an object");
  if (keys.size >= MAX_KEYS) throw odd("an object", `at most ${MAX_KEYS} names`);
  if (keys instanceof Set) keys.add(key);
}

function readObject(input: JsonInput, depth: number): JsonObject {
  const object: JsonObject = new Map();
  input.take("{");
  const sequence: Sequence = { at: "start" };
  while (next(input, sequence, "}")) {
    const key = input.key();
    addKey(object, key);
    object.set(key, readValue(input, depth + 1));
    sequence.at = "behind";
  }
  return object;
}

function readList(input: JsonInput, depth: number): JsonValue[] {
  const list: JsonValue[] = [];
  input.take("[");
  const sequence: Sequence = { at: "start" };
  while (next(input, sequence, "]")) {
    list.push(readValue(input, depth + 1));
    sequence.at = "behind";
  }
  return list;
}

/** As `JsonInput.another`, within a unit: commits nothing. */
function next(input: JsonInput, sequence: Sequence, close: "]" | "}"): boolean {
  if (input.peek() === close.charCodeAt(0)) {
    input.take(close);
    return false;
  }
  if (sequence.at === "behind") input.take(",");
  return true;
}
