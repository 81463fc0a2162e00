/** Create, update and patch: from a decoded request to a committed object. */
import {
  alreadyExists,
  ApiError,
  badRequest,
  fieldError,
  forbidden,
  invalid,
  notFound,
} from "./api_error.ts";
import { applyConflict } from "./apply_conflict.ts";
import { APPLY_PATCH, decodeJson, decodeYaml, identifyBody, JSON_PATCH } from "./body.ts";
import { commit, prepareChange, prepareNew } from "./commit.ts";
import { decodeBody, type Origin } from "./decode.ts";
import { configErrors } from "./field_check.ts";
import { isObject, type JsonObject, type KubeObject, withoutNulls } from "./json.ts";
import {
  applyConfig,
  type Manager,
  ownersBeforeFirstApply,
  readOwners,
  trackUpdate,
} from "./ownership.ts";
import { jsonPatch, mergePatch } from "./patch.ts";
import { checkPreconditions } from "./preconditions.ts";
import { apiVersionOf } from "./resources.ts";
import { scaleResource, toScale } from "./scale.ts";
import { type ServerState, type Target, timestamp, type Written } from "./state.ts";

export class Writer {
  constructor(private readonly state: ServerState) {}

  create(target: Target, body: JsonObject, origin: Origin = {}): Written {
    const { resource, info } = target;
    const { object, warnings } = decodeBody(target, body, origin);
    prepareNew(this.state, target, object);
    if (this.state.store.get(resource, info.namespace, object.metadata.name)) {
      throw alreadyExists(resource, object.metadata.name);
    }
    const owners = trackUpdate({
      live: null,
      next: object,
      owners: new Map(),
      manager: managerOf(target, "Update"),
      time: timestamp(this.state.clock),
      schema: resource.schema,
    });
    return { object: commit(this.state, target, null, object, owners), isNew: true, warnings };
  }

  update(target: Target, body: JsonObject, origin: Origin = {}): Written {
    const live = this.#liveOrNew(target);
    const { object, warnings } = decodeBody(target, body, origin);
    if (!live) {
      checkPreconditions(target, live, object, "update");
      return this.create(target, body, origin);
    }
    if (!target.resource.allowsUnconditionalUpdate && !object.metadata.resourceVersion) {
      const cause = fieldError(
        "FieldValueInvalid",
        "metadata.resourceVersion",
        "Invalid value: 0: must be specified for an update",
      );
      // It names the plural where every other message of a 422 names the kind.
      const { group, plural } = target.resource;
      throw invalid({ group, kind: plural }, target.info.name, [cause]);
    }
    return { object: this.#replace(target, live, object, "update"), isNew: false, warnings };
  }

  /** @param mediaType one of those that `readPatch` lets through. */
  patch(target: Target, mediaType: string, text: string): Written {
    if (mediaType === APPLY_PATCH) return this.#apply(target, decodeYaml(text));
    const live = this.#live(target);
    const shown = target.info.subresource === "scale" ? toScale(live) : live;
    const patch = decodeJson(text);
    const patched = mediaType === JSON_PATCH ? jsonPatch(shown, patch) : mergePatch(shown, patch);
    if (!isObject(patched)) throw badRequest("the patch leaves no object");
    const { object, warnings } = decodeBody(target, patched, { isPatched: true });
    return { object: this.#replace(target, live, object, "patch"), isNew: false, warnings };
  }

  #apply(target: Target, body: JsonObject): Written {
    const { info, resource } = target;
    const live = this.state.store.get(resource, info.namespace, info.name);
    if (!live && info.subresource) throw notFound(resource, info.name);
    const config = this.#readConfig(target, body);
    if (!live) {
      checkPreconditions(target, live, config, "patch");
      this.#authorizeCreate(target);
    }
    const time = timestamp(this.state.clock);
    const apiVersion = apiVersionOf(resource);
    const known = readOwners(live);
    const owners = live && known.size === 0
      ? ownersBeforeFirstApply(withoutBookkeeping(live), apiVersion, time, resource.schema)
      : known;
    const result = applyConfig({
      live: live && withoutBookkeeping(live),
      config,
      owners,
      manager: managerOf(target, "Apply"),
      force: info.options.force,
      time,
      schema: resource.schema,
    });
    if ("conflicts" in result) throw applyConflict(result.conflicts);
    // A foreign uid or an old version is noticed only on the way to the store.
    if (live) checkPreconditions(target, live, config, "patch");
    const merged = withoutNulls(result.object) as KubeObject;
    if (!live) prepareNew(this.state, target, merged);
    const next = live ? prepareChange(target, live, merged) : merged;
    const object = commit(this.state, target, live, next, result.owners);
    return { object, isNew: !live, warnings: [] };
  }

  /** The part of an applied configuration that this endpoint looks at. */
  #readConfig(target: Target, body: JsonObject): KubeObject {
    const { info, resource } = target;
    const isScale = info.subresource === "scale";
    const addressed = isScale ? scaleResource(resource) : resource;
    if (typeof body["apiVersion"] !== "string" || typeof body["kind"] !== "string") {
      throw badRequest("invalid object type: apiVersion and kind must be set");
    }
    const config = identifyBody(body, addressed, info.namespace, info.name);
    if (config.metadata.managedFields?.length) {
      throw badRequest("metadata.managedFields must be nil");
    }
    const errors = configErrors(config, addressed.schema);
    if (errors.length > 0) {
      const own = isObject(body["metadata"]) ? body["metadata"]["namespace"] : undefined;
      throw untypedConfig(target, typeof own === "string" ? own : "", errors);
    }
    const identity = { apiVersion: apiVersionOf(resource), kind: resource.kind };
    if (info.subresource) {
      const { name, namespace, uid, resourceVersion } = config.metadata;
      const metadata = withoutUndefined({ name, namespace, uid, resourceVersion });
      const part = isScale ? "spec" : "status";
      return { ...identity, metadata, ...withoutUndefined({ [part]: config[part] }) } as KubeObject;
    }
    if (resource.hasStatus) delete config["status"];
    return config;
  }

  #replace(
    target: Target,
    live: KubeObject,
    object: KubeObject,
    verb: "update" | "patch",
  ): KubeObject {
    checkPreconditions(target, live, object, verb);
    const next = prepareChange(target, live, object);
    const known = readOwners(object.metadata.managedFields?.length ? object : live);
    // What nobody owns is not tracked again before someone applies it.
    const owners = known.size === 0 ? known : trackUpdate({
      live: withoutBookkeeping(live),
      next: withoutBookkeeping(next),
      owners: known,
      manager: managerOf(target, "Update"),
      time: timestamp(this.state.clock),
      schema: target.resource.schema,
    });
    return commit(this.state, target, live, next, owners);
  }

  /** null where an update may create: leases can. */
  #liveOrNew(target: Target): KubeObject | null {
    const { resource, info } = target;
    const live = this.state.store.get(resource, info.namespace, info.name);
    return live || (resource.allowsCreateOnUpdate && !info.subresource) ? live : this.#live(target);
  }

  #live({ resource, info }: Target): KubeObject {
    const live = this.state.store.get(resource, info.namespace, info.name);
    if (!live) throw notFound(resource, info.name);
    return live;
  }

  /** An apply that creates needs the right to create besides the right to patch. */
  #authorizeCreate({ info, resource }: Target): void {
    const refusal = this.state.hooks.authorize({ ...info, verb: "create" }, null);
    if (refusal) throw forbidden(resource, info.name, refusal.message);
  }
}

function managerOf({ info, resource }: Target, operation: Manager["operation"]): Manager {
  return {
    name: info.options.fieldManager,
    operation,
    apiVersion: apiVersionOf(resource),
    subresource: info.subresource,
  };
}

function withoutBookkeeping(object: KubeObject): KubeObject {
  const { managedFields: _managedFields, ...metadata } = object.metadata;
  return { ...object, metadata } as KubeObject;
}

/** The real server did not foresee this error: it comes with 500 and without a reason. */
function untypedConfig(
  { resource, info }: Target,
  /** As the configuration itself names it. */
  namespace: string,
  errors: readonly string[],
): ApiError {
  const where = `${namespace}/${info.name}`;
  const list = errors.length === 1
    ? errors[0]
    : `errors:\n${errors.map((e) => `  ${e}`).join("\n")}`;
  return new ApiError(
    500,
    "",
    `failed to create typed patch object (${where}; ${apiVersionOf(resource)}, ` +
      `Kind=${resource.kind}): ${list}`,
  );
}

function withoutUndefined(fields: Record<string, unknown>): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as JsonObject;
}
