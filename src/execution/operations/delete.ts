/** An explicit delete, and its reversal by creating the object again. */
import { TransientError } from "../../errors.ts";
import { comparable } from "../../core/diff.ts";
import { formatRef, type KubeObject, type ObjectRef, uidOf } from "../../core/kubernetes_object.ts";
import { checkScope, type Operation } from "./operation.ts";

export function deleteOperation(ref: ObjectRef): Operation {
  return {
    ref,
    awaitsHealth: false,
    async preview(cluster) {
      await checkScope(cluster, ref);
      const before = await cluster.get(ref);
      const uid = before && uidOf(before);
      if (uid) await cluster.delete(ref, uid, { dryRun: true });
      const verb = before ? "delete" : "unchanged";
      return { entry: { action: "delete", verb, ref, uid, changes: [], warnings: [] }, before };
    },
    async perform(cluster, before) {
      const uid = before && uidOf(before);
      const live = uid && await cluster.get(ref);
      // Another uid: ours is gone, and someone has made a new object of that name.
      if (uid && live && uidOf(live) === uid) await cluster.delete(ref, uid, { dryRun: false });
    },
    async revert(cluster, before) {
      if (before === null) return [];
      const live = await cluster.get(ref);
      if (live && uidOf(live) === uidOf(before)) {
        if (!live.metadata.deletionTimestamp) return [];
        throw new TransientError("unavailable", `${formatRef(ref)} is still being deleted`);
      }
      if (live) return [`${formatRef(ref)}: someone else has made a new one`];
      await cluster.create(recreatable(before), { dryRun: false });
      return [
        `${formatRef(ref)}: created again with a new uid; its owners' field records are gone`,
      ];
    },
  };
}

function recreatable(before: KubeObject): KubeObject {
  const object = comparable(before);
  const { deletionTimestamp: _time, deletionGracePeriodSeconds: _grace, ...metadata } =
    object.metadata;
  return { ...object, metadata } as KubeObject;
}
