/** Field differences between two objects, as a person reads them; secrets are masked. */
import { isDeepStrictEqual } from "node:util";
import { canonicalJson } from "./canonical_json.ts";
import { sha256Hex } from "./encoding.ts";
import { isJsonObject, type Json, type JsonObject, type KubeObject } from "./kubernetes_object.ts";

export interface FieldChange {
  /** Such as `spec.template.spec.containers[name=app].image`. */
  readonly path: string;
  /** undefined: not there before. */
  readonly from?: Json;
  /** undefined: gone afterwards. */
  readonly to?: Json;
  /** How a text changes, as `diff -u` writes it; bounded. */
  readonly lines?: readonly string[];
}

/** Set by the server on every write; they say nothing about the change. */
const SERVER_METADATA = [
  "managedFields",
  "resourceVersion",
  "generation",
  "uid",
  "creationTimestamp",
  "selfLink",
];
/** Counted up by the Deployment controller on every rollout, a rollback included. */
const CONTROLLER_ANNOTATIONS = ["deployment.kubernetes.io/revision"];
const IDENTITY_KEYS = ["name", "mountPath", "containerPort", "port", "key", "ip", "type"];

/** The object without what server and controllers set: what people mean by "the same". */
export function comparable(object: KubeObject): KubeObject {
  const { status: _status, ...rest } = object;
  const { annotations, ...metadata } = without(object.metadata, SERVER_METADATA);
  const kept = isJsonObject(annotations) ? without(annotations, CONTROLLER_ANNOTATIONS) : {};
  const isEmpty = Object.keys(kept).length === 0;
  return {
    ...rest,
    metadata: isEmpty ? metadata : { ...metadata, annotations: kept },
  } as KubeObject;
}

function without(object: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}

/**
 * Differences from `before` to `after` (either may be null), sorted by path.
 * @param salt mixed into the hashes that stand for secret values
 */
export function diffObjects(
  before: KubeObject | null,
  after: KubeObject | null,
  salt: string,
): FieldChange[] {
  const changes: FieldChange[] = [];
  const isSecret = (before ?? after)?.kind === "Secret";
  const show = (object: KubeObject | null): JsonObject => {
    const shown: JsonObject = object ? comparable(object) : {};
    return isSecret ? maskSecret(shown, salt) : shown;
  };
  collect(show(before), show(after), "", changes);
  return changes.sort((a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
}

/** Down to the leaves, also where one side has nothing: who approves must see every value. */
function collect(from: Json | undefined, to: Json | undefined, path: string, out: FieldChange[]) {
  if (isDeepStrictEqual(from, to)) return;
  const before = from === undefined ? emptyLike(to) : from;
  const after = to === undefined ? emptyLike(from) : to;
  if (isJsonObject(before) && isJsonObject(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      collect(at(before, key), at(after, key), joinKey(path, key), out);
    }
    return;
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const key = identityKey(before, after);
    if (key) return collectByKey(before, after, key, path, out);
  }
  out.push({
    path,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  });
}

/** What stands for an absent object or list; undefined where there is nothing to go down into. */
function emptyLike(value: Json | undefined): Json | undefined {
  if (isJsonObject(value) && Object.keys(value).length > 0) return {};
  return Array.isArray(value) && value.length > 0 ? [] : undefined;
}

/** Own keys only: a ConfigMap may well have a key named `constructor`. */
function at(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function collectByKey(from: Json[], to: Json[], key: string, path: string, out: FieldChange[]) {
  const index = (list: Json[]) => new Map(list.map((item) => [idOf(item, key)!, item]));
  const before = index(from);
  const after = index(to);
  for (const id of new Set([...before.keys(), ...after.keys()])) {
    collect(before.get(id), after.get(id), `${path}[${key}=${id}]`, out);
  }
  // The order of init containers or of variables that name each other matters.
  const orderBefore = [...before.keys()].filter((id) => after.has(id));
  const orderAfter = [...after.keys()].filter((id) => before.has(id));
  if (!isDeepStrictEqual(orderBefore, orderAfter)) {
    out.push({ path: `${path}[order]`, from: orderBefore, to: orderAfter });
  }
}

/** The key that names every item of both lists exactly once, if there is one. */
function identityKey(...lists: Json[][]): string | null {
  return IDENTITY_KEYS.find((key) =>
    lists.every((list) => {
      const ids = list.map((item) => idOf(item, key));
      return !ids.includes(undefined) && new Set(ids).size === ids.length;
    })
  ) ?? null;
}

function idOf(item: Json, key: string): string | undefined {
  const id = isJsonObject(item) ? at(item, key) : undefined;
  return typeof id === "string" || typeof id === "number" ? String(id) : undefined;
}

function joinKey(path: string, key: string): string {
  const part = /^[\w-]+$/.test(key) ? key : JSON.stringify(key);
  return path === "" ? part : part.startsWith('"') ? `${path}[${part}]` : `${path}.${part}`;
}

/** With every value hidden; annotations too, where kubectl keeps a copy of the whole object. */
function maskSecret(object: JsonObject, salt: string): JsonObject {
  const mask = (value: Json) =>
    `(secret ${sha256Hex(`${salt}\n${canonicalJson(value)}`).slice(0, 12)})`;
  const maskAll = (value: Json) =>
    isJsonObject(value)
      ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mask(inner)]))
      : mask(value);
  const maskKeys = (part: JsonObject, keys: readonly string[]): JsonObject =>
    Object.fromEntries(
      Object.entries(part).map((
        [key, value],
      ) => [key, keys.includes(key) ? maskAll(value) : value]),
    );
  const masked = maskKeys(object, ["data", "stringData"]);
  return isJsonObject(object.metadata)
    ? { ...masked, metadata: maskKeys(object.metadata, ["annotations"]) }
    : masked;
}
