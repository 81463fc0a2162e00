/** One change to one object: how to foresee it, do it, and take it back. */
import { InvalidInputError } from "../../errors.ts";
import type { KubeObject, ObjectRef } from "../../core/kubernetes_object.ts";
import { formatRef } from "../../core/kubernetes_object.ts";
import type { PlanEntry } from "../../core/plan.ts";
import type { Cluster } from "../cluster.ts";

export interface Preview {
  readonly entry: PlanEntry;
  /** The live object; what `revert` goes back to. */
  readonly before: KubeObject | null;
}

export interface Operation {
  readonly ref: ObjectRef;
  /** Whether the package waits for the object to become healthy. */
  readonly awaitsHealth: boolean;
  /** A server-side dry run; changes nothing. */
  preview(cluster: Cluster): Promise<Preview>;
  /** Does it. Doing it again after a crash MUST come to the same. */
  perform(cluster: Cluster, before: KubeObject | null): Promise<void>;
  /** Takes it back, whether it was done or not; returns what could not be made exactly as before. */
  revert(cluster: Cluster, before: KubeObject | null): Promise<string[]>;
}

/** Throws InvalidInputError `malformed_package` where the namespace is missing or one too many. */
export async function checkScope(cluster: Cluster, ref: ObjectRef): Promise<void> {
  const { namespaced } = await cluster.resolve(ref);
  if (namespaced === (ref.namespace !== undefined)) return;
  throw new InvalidInputError(
    "malformed_package",
    namespaced
      ? `${formatRef(ref)} needs metadata.namespace: there is no default namespace`
      : `${formatRef(ref)} is cluster-scoped and cannot have a namespace`,
  );
}
