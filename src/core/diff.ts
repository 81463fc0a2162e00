/** Field differences between two objects, as a person reads them; secrets are masked. */
import { sha256Hex } from "./encoding.ts";
import { isJsonObject, type Json, type JsonObject, type KubeObject } from "./kubernetes_object.ts";

export interface FieldChange {
  /** Such as `spec.template.spec.containers[name=app].image`. */
  readonly path: string;
  /** undefined: not there before. */
  readonly from?: Json;
  /** undefined: gone afterwards. */
  readonly to?: Json;
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
  collect(
    before ? comparable(before) : undefined,
    after ? comparable(after) : undefined,
    "",
    changes,
  );
  changes.sort((a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
  return isSecret ? changes.map((change) => maskSecret(change, salt)) : changes;
}

function collect(from: Json | undefined, to: Json | undefined, path: string, out: FieldChange[]) {
  if (isJsonObject(from) && isJsonObject(to)) {
    for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
      collect(from[key], to[key], joinKey(path, key), out);
    }
    return;
  }
  if (Array.isArray(from) && Array.isArray(to)) {
    const key = identityKey(from, to);
    if (key) return collectByKey(from, to, key, path, out);
  }
  if (from === undefined && isJsonObject(to) && path === "") return collect({}, to, path, out);
  if (to === undefined && isJsonObject(from) && path === "") return collect(from, {}, path, out);
  if (JSON.stringify(from) === JSON.stringify(to)) return;
  out.push({
    path,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  });
}

function collectByKey(from: Json[], to: Json[], key: string, path: string, out: FieldChange[]) {
  const index = (list: Json[]) =>
    new Map(list.map((item) => [String((item as Record<string, Json>)[key]), item]));
  const before = index(from);
  const after = index(to);
  for (const id of new Set([...before.keys(), ...after.keys()])) {
    collect(before.get(id), after.get(id), `${path}[${key}=${id}]`, out);
  }
}

/** The key that names every item of both lists exactly once, if there is one. */
function identityKey(...lists: Json[][]): string | null {
  return IDENTITY_KEYS.find((key) =>
    lists.every((list) => {
      const ids = list.map((item) => isJsonObject(item) ? item[key] : undefined);
      return ids.every((id) => typeof id === "string" || typeof id === "number") &&
        new Set(ids).size === ids.length;
    })
  ) ?? null;
}

function joinKey(path: string, key: string): string {
  const part = /^[\w-]+$/.test(key) ? key : JSON.stringify(key);
  return path === "" ? part : part.startsWith('"') ? `${path}[${part}]` : `${path}.${part}`;
}

function maskSecret(change: FieldChange, salt: string): FieldChange {
  if (!/^(data|stringData|metadata\.annotations)\b/.test(change.path)) return change;
  const mask = (value: Json) =>
    `(secret ${sha256Hex(`${salt}\n${JSON.stringify(value)}`).slice(0, 12)})`;
  return {
    path: change.path,
    ...(change.from === undefined ? {} : { from: mask(change.from) }),
    ...(change.to === undefined ? {} : { to: mask(change.to) }),
  };
}
