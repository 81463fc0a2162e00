/** JSON Merge Patch (RFC 7396) and JSON Patch (RFC 6902). Pure. */
import { ApiError, badRequest } from "./api_error.ts";
import { equals, isObject, type Json, type JsonObject } from "./json.ts";

const MAX_OPERATIONS = 10_000;

export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete result[field];
    else result[field] = mergePatch(result[field], value);
  }
  return result;
}

/** Throws BadRequest for a malformed patch and 422 where it does not fit the target. */
export function jsonPatch(target: Json, patch: Json): Json {
  if (!Array.isArray(patch) || !patch.every(isObject)) {
    throw badRequest("error decoding patch: json: a JSON patch is a list of operations");
  }
  if (patch.length > MAX_OPERATIONS) {
    throw new ApiError(
      413,
      "RequestEntityTooLarge",
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    );
  }
  return patch.reduce<Json>(applyOperation, structuredClone(target));
}

function applyOperation(root: Json, operation: JsonObject): Json {
  const path = parsePointer(operation["path"]);
  const value = operation["value"];
  switch (operation["op"]) {
    case "add":
      return write(root, path, needValue(value), "insert");
    case "replace":
      read(root, path);
      return write(root, path, needValue(value), "replace");
    case "remove":
      return remove(root, path);
    case "test":
      if (!equals(read(root, path, null), value ?? null)) throw unfit();
      return root;
    case "copy":
      return write(
        root,
        path,
        structuredClone(read(root, parsePointer(operation["from"]))),
        "insert",
      );
    case "move": {
      const from = parsePointer(operation["from"]);
      const moved = read(root, from);
      return write(remove(root, from), path, moved, "insert");
    }
    default:
      throw badRequest(
        `error decoding patch: unknown operation ${JSON.stringify(operation["op"])}`,
      );
  }
}

/** The real server says no more than this. */
function unfit(): ApiError {
  const message = "the server rejected our request due to an error in our request";
  return new ApiError(422, "Invalid", message);
}

function needValue(value: Json | undefined): Json {
  if (value === undefined) throw badRequest("error decoding patch: operation without a value");
  return value;
}

function parsePointer(pointer: Json | undefined): string[] {
  if (typeof pointer !== "string" || (pointer !== "" && !pointer.startsWith("/"))) {
    throw badRequest(`error decoding patch: bad path ${JSON.stringify(pointer ?? null)}`);
  }
  return pointer.split("/").slice(1).map((part) =>
    part.replaceAll("~1", "/").replaceAll("~0", "~")
  );
}

/** Throws 422 when there is nothing at `path`, unless `absent` says what stands for that. */
function read(root: Json, path: readonly string[], absent?: Json): Json {
  let current = root;
  for (const step of path) {
    const next = Array.isArray(current)
      ? current[indexOf(current, step, current.length - 1)]
      : isObject(current) && Object.hasOwn(current, step)
      ? current[step]
      : undefined;
    if (next === undefined) {
      if (absent === undefined) throw unfit();
      return absent;
    }
    current = next;
  }
  return current;
}

function indexOf(list: readonly Json[], step: string, last: number): number {
  const index = step === "-" ? list.length : Number(step);
  if (!/^(-|0|[1-9]\d*)$/.test(step) || index > last) throw unfit();
  return index;
}

function write(
  root: Json,
  path: readonly string[],
  value: Json,
  mode: "insert" | "replace",
): Json {
  if (path.length === 0) return value;
  const parent = read(root, path.slice(0, -1));
  const step = path.at(-1)!;
  if (Array.isArray(parent)) {
    parent.splice(indexOf(parent, step, parent.length), mode === "replace" ? 1 : 0, value);
  } else if (isObject(parent)) parent[step] = value;
  else throw unfit();
  return root;
}

function remove(root: Json, path: readonly string[]): Json {
  read(root, path);
  const parent = read(root, path.slice(0, -1));
  const step = path.at(-1);
  if (step === undefined) throw unfit();
  if (Array.isArray(parent)) parent.splice(Number(step), 1);
  else if (isObject(parent)) delete parent[step];
  return root;
}
