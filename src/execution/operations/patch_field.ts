/**
 * Scale and restart: one field, set with a guarded merge patch. Server-side apply would refuse it where
 * another manager owns the field, and a person who asks to scale asks for exactly that.
 */
import { RefusedError } from "../../errors.ts";
import { diffObjects } from "../../core/diff.ts";
import { type OwnerEntry, ownersOf, withOwners } from "../../core/field_owners.ts";
import {
  formatRef,
  isJsonObject,
  type Json,
  type JsonObject,
  type KubeObject,
  managedFieldsOf,
  type ObjectRef,
  uidOf,
} from "../../core/kubernetes_object.ts";
import type { Cluster } from "../cluster.ts";
import { foresee } from "./foresee.ts";
import { mustExist, patchGuarded } from "./guarded_patch.ts";
import { assessPresent, checkScope, type Operation, type OperationContext } from "./operation.ts";

export const RESTART_ANNOTATION = "neuralops.io/restarted-by";

interface Field {
  readonly action: "scale" | "restart";
  readonly path: readonly string[];
  readonly value: Json;
  /** Refuses objects to which this action does not apply. */
  check(live: KubeObject): void;
}

export function scaleOperation(
  ref: ObjectRef,
  replicas: number,
  context: OperationContext,
): Operation {
  return fieldOperation(ref, context, {
    action: "scale",
    path: ["spec", "replicas"],
    value: replicas,
    check(live) {
      if (!isJsonObject(live.spec) || typeof live.spec.replicas !== "number") {
        throw new RefusedError(
          "admission_denied",
          `${formatRef(ref)} has no spec.replicas to scale`,
        );
      }
      const autoscaler = managedFieldsOf(live).find((entry) => entry.subresource === "scale");
      if (autoscaler) {
        throw new RefusedError(
          "field_conflict",
          `spec.replicas of ${
            formatRef(ref)
          } is owned by ${autoscaler.manager} through its scale subresource`,
          { hint: "change the autoscaler's bounds instead" },
        );
      }
    },
  });
}

/** The annotation's value is the execution's id: a package restarts once, however often it is resumed. */
export function restartOperation(ref: ObjectRef, context: OperationContext): Operation {
  return fieldOperation(ref, context, {
    action: "restart",
    path: ["spec", "template", "metadata", "annotations", RESTART_ANNOTATION],
    value: context.executionId,
    check(live) {
      if (!isJsonObject(live.spec) || !isJsonObject(live.spec.template)) {
        throw new RefusedError(
          "admission_denied",
          `${formatRef(ref)} has no pod template to restart`,
        );
      }
    },
  });
}

function fieldOperation(
  ref: ObjectRef,
  { fieldManager, maskSalt }: OperationContext,
  { action, path, value, check }: Field,
): Operation {
  const isOurs = (owner: OwnerEntry) => owner.manager === fieldManager;
  /** A patch leaves its sender as the field's only owner. Where that is so, others take its place. */
  const handOn = (
    cluster: Cluster,
    ref: ObjectRef,
    uid: string | null,
    owners: readonly OwnerEntry[],
  ) =>
    patchGuarded(cluster, ref, uid, (live) => {
      const [owner, ...more] = ownersOf(live, path);
      if (!owner || more.length > 0 || !isOurs(owner) || owner.operation !== "Update") return null;
      const managedFields = withOwners(live, path, owners);
      return managedFields && { metadata: { managedFields: managedFields as unknown as Json } };
    });
  return {
    ref,
    async preview(cluster) {
      await checkScope(cluster, ref);
      const seen = await foresee(
        cluster,
        ref,
        () => cluster.merge(ref, nest(path, value), null, { dryRun: true }),
        (before) => check(mustExist(before, ref)),
      );
      const before = mustExist(seen.before, ref);
      const { object, warnings } = seen.result;
      const changes = diffObjects(before, object, maskSalt);
      const verb = changes.length > 0 ? "change" : "unchanged";
      const others = ownersOf(before, path).filter((owner) => !isOurs(owner))
        .map(({ manager }) => `${path.join(".")} is owned by ${manager}, which may set it back`);
      return {
        entry: {
          action,
          verb,
          ref,
          uid: uidOf(before),
          changes,
          warnings: verb === "change" ? [...warnings, ...others] : warnings,
        },
        before,
      };
    },
    async perform(cluster, before) {
      const uid = before && uidOf(before);
      await patchGuarded(cluster, ref, uid, (live) => {
        const now = valueAt(live, path);
        if (now === value) return null;
        if (before && now !== valueAt(before, path)) {
          throw new RefusedError(
            "plan_changed",
            `${path.join(".")} of ${formatRef(ref)} was changed after it was planned`,
          );
        }
        return nest(path, value);
      });
      // What we applied stays applied by us, or our own next apply would conflict with this patch.
      const applied = before
        ? ownersOf(before, path).filter((owner) => isOurs(owner) && owner.operation === "Apply")
        : [];
      if (applied.length > 0) await handOn(cluster, ref, uid, applied);
    },
    assess: assessPresent,
    async revert(cluster, before) {
      if (before === null) return [];
      const was = valueAt(before, path);
      const live = await cluster.get(ref);
      if (live === null || uidOf(live) !== uidOf(before)) {
        return [`${formatRef(ref)}: was removed or replaced by someone else meanwhile`];
      }
      let foreign: Json | undefined;
      await patchGuarded(cluster, ref, uidOf(before), (live) => {
        const now = valueAt(live, path);
        foreign = now === was || now === value ? undefined : now;
        if (now === was || now !== value) return null;
        // null removes in a merge patch.
        return was === undefined ? nest(addedPath(live, before, path), null) : nest(path, was);
      });
      if (foreign !== undefined) {
        return [`${formatRef(ref)}: ${path.join(".")} was changed by someone else meanwhile`];
      }
      await handOn(cluster, ref, uidOf(before), ownersOf(before, path));
      return [];
    },
  };
}

/** The outermost part of `path` that was not there before and holds nothing but the field now. */
function addedPath(live: KubeObject, before: KubeObject, path: readonly string[]) {
  const depths = path.map((_, index) => index + 1);
  const depth = depths.find((depth) =>
    valueAt(before, path.slice(0, depth)) === undefined &&
    depths.slice(depth).every((inner) => {
      const parent = valueAt(live, path.slice(0, inner - 1));
      return isJsonObject(parent) && Object.keys(parent).length === 1;
    })
  );
  return path.slice(0, depth);
}

function valueAt(object: KubeObject, path: readonly string[]): Json | undefined {
  let value: Json | undefined = object;
  for (const key of path) value = isJsonObject(value) ? value[key] : undefined;
  return value;
}

function nest(path: readonly string[], value: Json): JsonObject {
  return path.reduceRight<Json>((inner, key) => ({ [key]: inner }), value) as JsonObject;
}
