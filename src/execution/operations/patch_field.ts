/**
 * Scale and restart: one field, set with a merge patch that holds only for the version just read.
 * Server-side apply is of no use here: under our manager it would give up what earlier packages own.
 */
import { ApplyError, RefusedError } from "../../errors.ts";
import { diffObjects } from "../../core/diff.ts";
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
import { checkScope, type Operation } from "./operation.ts";

export const RESTART_ANNOTATION = "neuralops.io/restarted-by";
const ATTEMPTS = 5;

interface Field {
  readonly action: "scale" | "restart";
  readonly path: readonly string[];
  readonly value: Json;
  /** Refuses objects to which this action does not apply. */
  check(live: KubeObject): void;
}

export function scaleOperation(ref: ObjectRef, replicas: number, salt: string): Operation {
  return fieldOperation(ref, salt, {
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

/** @param executionId the annotation's value: the same package restarts once, however often it is resumed */
export function restartOperation(ref: ObjectRef, executionId: string, salt: string): Operation {
  return fieldOperation(ref, salt, {
    action: "restart",
    path: ["spec", "template", "metadata", "annotations", RESTART_ANNOTATION],
    value: executionId,
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

function fieldOperation(ref: ObjectRef, salt: string, field: Field): Operation {
  return {
    ref,
    awaitsHealth: true,
    async preview(cluster) {
      await checkScope(cluster, ref);
      const before = await mustGet(cluster, ref);
      field.check(before);
      const { object, warnings } = await cluster.merge(
        ref,
        nest(field.path, field.value),
        // A status update between the two calls is no reason to refuse a look.
        null,
        { dryRun: true },
      );
      const changes = diffObjects(before, object, salt);
      const verb = changes.length > 0 ? "change" : "unchanged";
      return {
        entry: { action: field.action, verb, ref, uid: uidOf(before), changes, warnings },
        before,
      };
    },
    async perform(cluster) {
      await setField(cluster, ref, field.path, field.value, () => true);
    },
    async revert(cluster, before) {
      const was = before ? valueAt(before, field.path) : undefined;
      const live = await cluster.get(ref);
      if (!live) return [`${formatRef(ref)}: was removed by someone else meanwhile`];
      const isOurs = (object: KubeObject) => valueAt(object, field.path) === field.value;
      // null removes the field in a merge patch.
      const done = await setField(cluster, ref, field.path, was ?? null, isOurs);
      return done || valueAt(live, field.path) === was
        ? []
        : [`${formatRef(ref)}: ${field.path.join(".")} was changed by someone else meanwhile`];
    },
  };
}

/** Sets the field while `mayWrite` holds; reads again when another writer came between. */
async function setField(
  cluster: Cluster,
  ref: ObjectRef,
  path: readonly string[],
  value: Json,
  mayWrite: (live: KubeObject) => boolean,
): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const live = await mustGet(cluster, ref);
    if ((valueAt(live, path) ?? null) === value) return true;
    if (!mayWrite(live)) return false;
    try {
      await cluster.merge(ref, nest(path, value), versionOf(live), { dryRun: false });
      return true;
    } catch (error) {
      if (!(error instanceof RefusedError && error.code === "field_conflict")) throw error;
    }
  }
  throw new ApplyError("apply_failed", `${formatRef(ref)} changed under us ${ATTEMPTS} times`);
}

async function mustGet(cluster: Cluster, ref: ObjectRef): Promise<KubeObject> {
  const live = await cluster.get(ref);
  if (live) return live;
  throw new RefusedError("not_found", `${formatRef(ref)} does not exist`, {
    hint: "create it with an apply action first",
  });
}

function versionOf(object: KubeObject): string {
  return String(object.metadata.resourceVersion ?? "");
}

function valueAt(object: KubeObject, path: readonly string[]): Json | undefined {
  let value: Json | undefined = object;
  for (const key of path) value = isJsonObject(value) ? value[key] : undefined;
  return value;
}

function nest(path: readonly string[], value: Json): JsonObject {
  return path.reduceRight<Json>((inner, key) => ({ [key]: inner }), value) as JsonObject;
}
