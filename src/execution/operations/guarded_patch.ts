/** A merge patch that holds only for the version just read, so that no other writer is overwritten unseen. */
import { ApplyError, ModifiedError, RefusedError } from "../../errors.ts";
import {
  formatRef,
  type JsonObject,
  type KubeObject,
  type ObjectRef,
  uidOf,
} from "../../core/kubernetes_object.ts";
import type { Cluster } from "../cluster.ts";

const ATTEMPTS = 5;

/**
 * @param uid of the object that is meant
 * @param patchFor what is still to be changed of the live object; null when nothing is
 * Throws RefusedError `not_found` or `plan_changed` when that object is gone, ApplyError `apply_failed`
 * when others write faster.
 */
export async function patchGuarded(
  cluster: Cluster,
  ref: ObjectRef,
  uid: string | null,
  patchFor: (live: KubeObject) => JsonObject | null,
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const live = mustExist(await cluster.get(ref), ref);
    if (uidOf(live) !== uid) {
      throw new RefusedError(
        "plan_changed",
        `${formatRef(ref)} is another object of that name now`,
      );
    }
    const patch = patchFor(live);
    if (patch === null) return;
    try {
      await cluster.merge(ref, patch, String(live.metadata.resourceVersion), { dryRun: false });
      return;
    } catch (error) {
      if (!(error instanceof ModifiedError)) throw error;
    }
  }
  throw new ApplyError("apply_failed", `${formatRef(ref)} changed under us ${ATTEMPTS} times`);
}

/** Throws RefusedError `not_found`. */
export function mustExist(live: KubeObject | null, ref: ObjectRef): KubeObject {
  if (live) return live;
  throw new RefusedError("not_found", `${formatRef(ref)} does not exist`, {
    hint: "create it with an apply action first",
  });
}
