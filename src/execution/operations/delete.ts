/** An explicit delete, and its reversal by creating the object again. */
import { RefusedError } from "../../errors.ts";
import { comparable } from "../../core/diff.ts";
import {
  formatRef,
  type Json,
  type KubeObject,
  managedFieldsOf,
  type ObjectRef,
  uidOf,
} from "../../core/kubernetes_object.ts";
import type { Cluster } from "../cluster.ts";
import { isSame } from "./apply_as_planned.ts";
import { patchGuarded } from "./guarded_patch.ts";
import { checkScope, type Operation, StillDeletingError } from "./operation.ts";

export function deleteOperation(ref: ObjectRef): Operation {
  const isThere = (live: KubeObject | null, before: KubeObject | null) =>
    live !== null && before !== null && uidOf(live) === uidOf(before);
  return {
    ref,
    async preview(cluster) {
      await checkScope(cluster, ref);
      const before = await cluster.get(ref);
      const uid = before && uidOf(before);
      if (uid) await cluster.delete(ref, uid, { dryRun: true });
      const verb = before ? "delete" : "unchanged";
      return { entry: { action: "delete", verb, ref, uid, changes: [], warnings: [] }, before };
    },
    async perform(cluster, before) {
      const live = await cluster.get(ref);
      // Another uid: ours is gone, and someone has made a new object of that name.
      if (!isThere(live, before) || live!.metadata.deletionTimestamp) return;
      if (!isSame(live!, before!)) {
        throw new RefusedError(
          "plan_changed",
          `${formatRef(ref)} was changed by someone else after it was planned`,
        );
      }
      await cluster.delete(ref, uidOf(live!)!, { dryRun: false });
    },
    assess: (live, before) =>
      isThere(live, before)
        ? { state: "in_progress", message: "is still being deleted" }
        : { state: "current", message: "is gone" },
    async revert(cluster, before) {
      if (before === null) return [];
      const live = await cluster.get(ref);
      if (isThere(live, before)) {
        if (!live!.metadata.deletionTimestamp) return [];
        throw new StillDeletingError(ref);
      }
      const wanted = recreatable(before);
      if (live === null) await cluster.create(wanted, { dryRun: false });
      // After a crash in mid-rollback it may be there already, by our own hand.
      else if (!isSame(wanted, recreatable(live))) {
        return [`${formatRef(ref)}: someone else has made a new one`];
      }
      await returnFields(cluster, ref, before);
      return [`${formatRef(ref)}: created again with a new uid`];
    },
  };
}

function recreatable(before: KubeObject): KubeObject {
  const object = comparable(before);
  const { deletionTimestamp: _time, deletionGracePeriodSeconds: _grace, ...metadata } =
    object.metadata;
  return { ...object, metadata } as KubeObject;
}

/** Who creates an object owns all of it; here the earlier owners get their fields back. */
async function returnFields(cluster: Cluster, ref: ObjectRef, before: KubeObject): Promise<void> {
  const created = await cluster.get(ref);
  if (created === null) return;
  const earlier = managedFieldsOf(before).filter((entry) => !entry.subresource);
  await patchGuarded(cluster, ref, uidOf(created), (live) => {
    const statuses = managedFieldsOf(live).filter((entry) => entry.subresource);
    return { metadata: { managedFields: [...earlier, ...statuses] as unknown as Json } };
  });
}
