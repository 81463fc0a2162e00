/** The last stretch of every write: system metadata, validation, admission, and the store. */
import { ApiError, forbidden, invalid, notFound } from "./api_error.ts";
import { allocate, generateName, initialStatus, keepAllocated } from "./allocation.ts";
import { customErrors, fillCustomDefaults } from "./custom_schema.ts";
import { fillDefaults } from "./defaults.ts";
import { withoutEmptyFields } from "./empty_fields.ts";
import { equals, type Json, type JsonObject, type KubeObject } from "./json.ts";
import { type Owners, writeOwners } from "./ownership.ts";
import type { Resource } from "./resources.ts";
import { withScale } from "./scale.ts";
import { NAMESPACES, type ServerState, type Target, timestamp } from "./state.ts";
import { validate } from "./validation.ts";

/** Everything that the client does not decide about a new object. Changes `next` itself. */
export function prepareNew(state: ServerState, { resource, info }: Target, next: KubeObject): void {
  const { metadata } = next;
  if (!metadata.name && typeof metadata["generateName"] === "string") {
    metadata.name = generateName(metadata["generateName"]);
  }
  requireNamespace(state, { resource, info }, metadata.name);
  for (const field of ["resourceVersion", "deletionTimestamp", "managedFields"]) {
    delete metadata[field];
  }
  metadata.uid = crypto.randomUUID();
  metadata.creationTimestamp = timestamp(state.clock);
  if (resource.hasGeneration) metadata.generation = 1;
  if (resource.hasStatus) delete next["status"];
  complete(resource, next);
}

function requireNamespace(state: ServerState, { resource, info }: Target, name: string): void {
  if (!resource.namespaced) return;
  const namespace = state.store.get(NAMESPACES, "", info.namespace);
  if (!namespace) throw notFound(NAMESPACES, info.namespace);
  if (namespace.metadata.deletionTimestamp) {
    const why = `unable to create new content in namespace ${info.namespace} because it is being ` +
      "terminated";
    throw forbidden(resource, name, why, [{
      reason: "NamespaceTerminating",
      message: `namespace ${info.namespace} is being terminated`,
      field: "metadata.namespace",
    }]);
  }
}

/** `next` with everything from `live` that this endpoint cannot change. */
export function prepareChange(
  { resource, info }: Target,
  live: KubeObject,
  next: KubeObject,
): KubeObject {
  if (info.subresource === "scale") return withScale(live, next);
  if (info.subresource === "status") {
    const { annotations } = resource.isCustom ? live.metadata : next.metadata;
    const metadata = set({ ...live.metadata }, "annotations", annotations);
    return set({ ...live, metadata }, "status", next["status"]);
  }
  const metadata = { ...next.metadata };
  for (
    const field of [
      "uid",
      "creationTimestamp",
      "generation",
      "deletionTimestamp",
      "deletionGracePeriodSeconds",
    ]
  ) {
    set(metadata, field, live.metadata[field]);
  }
  const whole: KubeObject = { ...next, metadata };
  if (resource.hasStatus) set(whole, "status", live["status"]);
  complete(resource, whole);
  keepAllocated(whole, live);
  return whole;
}

/** As an encoder of the resource's type would write it, with defaults. Changes `object` itself. */
function complete(resource: Resource, object: KubeObject): void {
  if (resource.isCustom) return fillCustomDefaults(resource, object);
  const kept = withoutEmptyFields(object, resource.schema);
  for (const field of Object.keys(object)) {
    if (kept[field] === undefined) delete (object as JsonObject)[field];
  }
  Object.assign(object, kept);
  fillDefaults(object);
}

/** Stores `next` unless nothing changed, it is a dry run, or somebody refuses it. */
export function commit(
  state: ServerState,
  target: Target,
  live: KubeObject | null,
  next: KubeObject,
  owners: Owners,
): KubeObject {
  const { resource, info } = target;
  const managedFields = writeOwners(owners);
  if (managedFields.length > 0) next.metadata.managedFields = managedFields;
  else delete next.metadata.managedFields;
  if (!live) {
    allocate(next, state.store.revision);
    if (resource.hasStatus) next["status"] = initialStatus(next.kind);
  } else if (resource.hasGeneration) {
    next.metadata.generation = nextGeneration(target, live, next);
  }

  const causes = [...validate(next, live), ...customErrors(resource, next)];
  if (causes.length > 0) throw invalid(resource, next.metadata.name, causes);
  const refusal = state.hooks.admission(info, next);
  if (refusal) {
    throw new ApiError(refusal.code, refusal.reason, refusal.message, {
      name: next.metadata.name,
      ...(resource.group ? { group: resource.group } : {}),
      kind: resource.plural,
    });
  }
  if (live) set(next.metadata, "resourceVersion", live.metadata.resourceVersion);
  if (info.options.dryRun || (live && equals(live, next))) return next;
  const isFinished = next.metadata.deletionTimestamp && !next.metadata.finalizers?.length;
  return isFinished && resource.kind !== "Namespace"
    ? state.store.remove(resource, next)
    : state.store.put(resource, next);
}

function nextGeneration({ info }: Target, live: KubeObject, next: KubeObject): number {
  const now = live.metadata.generation ?? 0;
  if (info.subresource === "status" || equals(intentOf(live), intentOf(next))) return now;
  return now + 1;
}

/** What a new generation is counted for. */
function intentOf(object: KubeObject): Json {
  const { metadata, status: _status, ...rest } = object;
  // Deployments count changed annotations too: their controller copies these to replica sets.
  return object.kind === "Deployment" ? [rest, metadata.annotations ?? null] : rest;
}

function set<Target extends JsonObject>(target: Target, field: string, value?: Json): Target {
  if (value === undefined) delete target[field];
  else (target as JsonObject)[field] = value;
  return target;
}
