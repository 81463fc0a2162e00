/** Server-side apply of one manifest object, and its reversal through the fields we owned before. */
import { RefusedError } from "../../errors.ts";
import { comparable, diffObjects } from "../../core/diff.ts";
import { formatRef, type KubeObject, refOf, uidOf } from "../../core/kubernetes_object.ts";
import { isAppliedBy, ownedFields } from "../../core/owned_fields.ts";
import { withStoredData } from "../../core/secret_data.ts";
import { assessPresent, checkScope, type Operation, type OperationContext } from "./operation.ts";

export function applyOperation(
  given: KubeObject,
  { fieldManager: manager, maskSalt: salt }: OperationContext,
): Operation {
  const manifest = withStoredData(given);
  const ref = refOf(manifest);
  return {
    ref,
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
    async perform(cluster, before) {
      if (before) {
        await cluster.apply(withUid(manifest, before), { dryRun: false });
        return;
      }
      // No precondition says "only if it is not there", so it is looked for. Ours is from before a crash.
      const live = await cluster.get(ref);
      if (live && !isAppliedBy(live, manager)) {
        throw new RefusedError(
          "plan_changed",
          `${formatRef(ref)} was created by someone else after it was planned`,
        );
      }
      await cluster.apply(manifest, { dryRun: false });
    },
    assess: assessPresent,
    async revert(cluster, before) {
      const live = await cluster.get(ref);
      if (before === null) {
        if (live === null) return [];
        if (!isAppliedBy(live, manager)) return [`${formatRef(ref)}: someone else has made one`];
        await cluster.delete(ref, uidOf(live)!, { dryRun: false });
        return [];
      }
      if (live === null || uidOf(live) !== uidOf(before)) {
        return [`${formatRef(ref)}: was removed or replaced by someone else meanwhile`];
      }
      const earlier = withUid(ownedFields(before, manager), before);
      const { object } = await cluster.apply(earlier, { dryRun: false });
      return diffObjects(comparable(before), comparable(object), salt)
        .map((change) => `${formatRef(ref)}: ${change.path} differs from before`);
    },
  };
}

/** The server refuses it then for any other object of that name. */
function withUid(object: KubeObject, { metadata: { uid } }: KubeObject): KubeObject {
  return uid === undefined ? object : { ...object, metadata: { ...object.metadata, uid } };
}
