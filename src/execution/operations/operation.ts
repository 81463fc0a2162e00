/** One change to one object: how to foresee it, do it, wait for it, and take it back. */
import { InvalidInputError, RefusedError, TransientError } from "../../errors.ts";
import type { Prerequisite } from "../../core/apply_order.ts";
import { formatRef, type KubeObject, type ObjectRef } from "../../core/kubernetes_object.ts";
import { assessHealth, type ObjectHealth } from "../../core/object_health.ts";
import type { PlanEntry } from "../../core/plan.ts";
import type { Cluster } from "../cluster.ts";
import type { HostFiles } from "../host_files.ts";

export interface Preview {
  readonly entry: PlanEntry;
  /** The live object; what `revert` goes back to. */
  readonly before: KubeObject | null;
}

/** What every operation of an execution shares. */
export interface OperationContext {
  readonly executionId: string;
  readonly fieldManager: string;
  /** Known to this connector alone: a short secret could be guessed from a hash without it. */
  readonly maskSalt: string;
  readonly hostFiles: HostFiles;
}

export interface Operation {
  readonly ref: ObjectRef;
  /** To be waited for first where the plan could not check this one. */
  readonly needs?: readonly Prerequisite[];
  /** A server-side dry run; changes nothing. */
  preview(cluster: Cluster): Promise<Preview>;
  /** Does it. Doing it again after a crash MUST come to the same. */
  perform(cluster: Cluster, before: KubeObject | null): Promise<void>;
  /** Whether the object has become what was asked for. */
  assess(live: KubeObject | null, before: KubeObject | null): ObjectHealth;
  /**
   * Takes it back, whether it was done or not; returns what could not be made exactly as before.
   * Throws StillDeletingError while the object is on its way out.
   */
  revert(cluster: Cluster, before: KubeObject | null): Promise<string[]>;
}

/** Its finalizers, or a pod's grace period, hold the object: it can be created again once it is gone. */
export class StillDeletingError extends TransientError {
  constructor(ref: ObjectRef) {
    super("unavailable", `${formatRef(ref)} is still being deleted`);
  }
}

/** For an object that is to stay. */
export function assessPresent(live: KubeObject | null): ObjectHealth {
  return live ? assessHealth(live) : { state: "failed", message: "was removed by someone else" };
}

/** Throws InvalidInputError `malformed_package` where the namespace is missing or one too many. */
export async function checkScope(cluster: Cluster, ref: ObjectRef): Promise<void> {
  assertScope(ref, (await cluster.resolve(ref)).namespaced);
}

/** Throws as `checkScope` does. */
export function assertScope(ref: ObjectRef, namespaced: boolean): void {
  if (namespaced === (ref.namespace !== undefined)) return;
  throw new InvalidInputError(
    "malformed_package",
    namespaced
      ? `${formatRef(ref)} needs metadata.namespace: there is no default namespace`
      : `${formatRef(ref)} is cluster-scoped and cannot have a namespace`,
  );
}

/** The live object; null also where its kind is not known, or not any more. */
export async function findIfKnown(cluster: Cluster, ref: ObjectRef): Promise<KubeObject | null> {
  try {
    return await cluster.get(ref);
  } catch (error) {
    if (error instanceof RefusedError && error.code === "not_found") return null;
    throw error;
  }
}
