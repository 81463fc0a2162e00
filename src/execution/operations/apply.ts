/** Server-side apply of one manifest object, and its reversal through the fields we owned before. */
import { comparable, diffObjects } from "../../core/diff.ts";
import { formatRef, type KubeObject, refOf, uidOf } from "../../core/kubernetes_object.ts";
import { ownedFields } from "../../core/owned_fields.ts";
import { checkScope, type Operation } from "./operation.ts";

export function applyOperation(manifest: KubeObject, manager: string, salt: string): Operation {
  const ref = refOf(manifest);
  return {
    ref,
    awaitsHealth: true,
    async preview(cluster) {
      await checkScope(cluster, ref);
      const before = await cluster.get(ref);
      const { object, warnings } = await cluster.apply(manifest, { dryRun: true });
      // For a new object the manifest is shown, not the answer: names and addresses that the server
      // would draw at random differ from one dry run to the next.
      const changes = before
        ? diffObjects(before, object, salt)
        : diffObjects(null, manifest, salt);
      const verb = before === null ? "create" : changes.length > 0 ? "change" : "unchanged";
      const uid = before ? uidOf(before) : null;
      return { entry: { action: "apply", verb, ref, uid, changes, warnings }, before };
    },
    async perform(cluster) {
      await cluster.apply(manifest, { dryRun: false });
    },
    async revert(cluster, before) {
      const live = await cluster.get(ref);
      if (before === null) {
        const uid = live && uidOf(live);
        if (uid) await cluster.delete(ref, uid, { dryRun: false });
        return [];
      }
      if (live === null || uidOf(live) !== uidOf(before)) {
        return [`${formatRef(ref)}: was removed or replaced by someone else meanwhile`];
      }
      const { object } = await cluster.apply(ownedFields(before, manager), { dryRun: false });
      return diffObjects(comparable(before), comparable(object), salt)
        .map((change) => `${formatRef(ref)}: ${change.path} differs from before`);
    },
  };
}
