/** Delete: preconditions, finalizers, dependents, and namespaces with all they hold. */
import { ApiError, badRequest, deletionConflict, forbidden, notFound } from "./api_error.ts";
import { isObject, type Json, type JsonObject, type KubeObject, objectAt } from "./json.ts";
import type { Resource } from "./resources.ts";
import { type ServerState, type Target, timestamp } from "./state.ts";

export interface Deletion {
  readonly preconditions: { readonly uid?: Json; readonly resourceVersion?: Json };
  readonly propagationPolicy: "Background" | "Foreground" | "Orphan";
}

const POLICIES = ["Background", "Foreground", "Orphan"] as const;
const PROTECTED_NAMESPACES = new Set(["default", "kube-system"]);

export function readDeletion(body: JsonObject): Deletion {
  const named = body["propagationPolicy"] ?? "Background";
  const propagationPolicy = POLICIES.find((policy) => policy === named);
  if (!propagationPolicy) throw badRequest(`unknown propagationPolicy ${JSON.stringify(named)}`);
  const preconditions = isObject(body["preconditions"]) ? body["preconditions"] : {};
  return { preconditions, propagationPolicy };
}

export class Deleter {
  /** @param finishNamespace called when a namespace begins to terminate. */
  constructor(
    private readonly state: ServerState,
    private readonly finishNamespace: (namespace: string) => void,
  ) {}

  /** What the server answers: a Status when the object is gone, else the object as it waits. */
  delete(target: Target, deletion: Deletion): JsonObject {
    const { resource, info } = target;
    const live = this.state.store.get(resource, info.namespace, info.name);
    if (!live) throw notFound(resource, info.name);
    checkPreconditions(target, live, deletion);
    const refusal = this.state.hooks.admission(info, live);
    if (refusal) throw new ApiError(refusal.code, refusal.reason, refusal.message);
    const isNamespace = resource.kind === "Namespace";
    if (isNamespace && PROTECTED_NAMESPACES.has(info.name)) {
      throw forbidden(resource, info.name, "this namespace may not be deleted");
    }
    if (live.metadata.finalizers?.length || isNamespace) return this.#markDeleted(target, live);
    if (!info.options.dryRun) {
      this.#settleDependents(live, deletion.propagationPolicy);
      this.state.store.remove(resource, live);
    }
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Success",
      details: {
        name: info.name,
        ...(resource.group ? { group: resource.group } : {}),
        kind: resource.plural,
        uid: live.metadata.uid ?? "",
      },
    };
  }

  /** Removes what no finalizer holds, and the namespace itself once it is empty; says whether it is. */
  purge(namespace: string, namespaces: Resource): boolean {
    let isEmpty = true;
    for (const resource of this.state.resources.all) {
      if (!resource.namespaced) continue;
      for (const object of this.state.store.list(resource, namespace)) {
        if (object.metadata.finalizers?.length) {
          isEmpty = false;
          if (!object.metadata.deletionTimestamp) {
            this.state.store.put(resource, this.#mark(object));
          }
        } else this.state.store.remove(resource, object);
      }
    }
    const object = this.state.store.get(namespaces, "", namespace);
    if (object && isEmpty) this.state.store.remove(namespaces, object);
    return isEmpty;
  }

  #mark(live: KubeObject): KubeObject {
    const { generation } = live.metadata;
    return {
      ...live,
      metadata: {
        ...live.metadata,
        deletionTimestamp: timestamp(this.state.clock),
        deletionGracePeriodSeconds: 0,
        ...(generation === undefined ? {} : { generation: generation + 1 }),
      },
    };
  }

  #markDeleted({ resource, info }: Target, live: KubeObject): KubeObject {
    if (live.metadata.deletionTimestamp) return live;
    const marked = this.#mark(live);
    if (resource.kind === "Namespace") {
      marked["status"] = { ...objectAt(live, "status"), phase: "Terminating" };
    }
    if (info.options.dryRun) return marked;
    const stored = this.state.store.put(resource, marked);
    if (resource.kind === "Namespace") this.finishNamespace(info.name);
    return stored;
  }

  #settleDependents(owner: KubeObject, policy: Deletion["propagationPolicy"]): void {
    for (const resource of this.state.resources.all) {
      for (const object of this.state.store.list(resource)) {
        const references = object.metadata.ownerReferences ?? [];
        const others = references.filter((reference) => reference["uid"] !== owner.metadata.uid);
        if (others.length === references.length) continue;
        if (policy === "Orphan" || others.length > 0) {
          const metadata = { ...object.metadata, ownerReferences: others };
          this.state.store.put(resource, { ...object, metadata });
        } else {
          this.#settleDependents(object, policy);
          this.state.store.remove(resource, object);
        }
      }
    }
  }
}

function checkPreconditions(
  { resource, info }: Target,
  { metadata }: KubeObject,
  { preconditions }: Deletion,
): void {
  const checks = [
    ["UID", preconditions.uid, metadata.uid],
    ["ResourceVersion", preconditions.resourceVersion, metadata.resourceVersion],
  ] as const;
  for (const [what, wanted, actual] of checks) {
    if (wanted === undefined || wanted === null || wanted === actual) continue;
    throw deletionConflict(resource, info.name, what, String(wanted), actual ?? "");
  }
}
