/** An apply that holds only for the object as it was planned: its uid, and what it says. */
import { ApplyError, ModifiedError, RefusedError } from "../../errors.ts";
import { canonicalDigest } from "../../core/canonical_json.ts";
import { comparable } from "../../core/diff.ts";
import { formatRef, type KubeObject, refOf, uidOf } from "../../core/kubernetes_object.ts";
import { fieldsAppliedBy } from "../../core/owned_fields.ts";
import type { Cluster } from "../cluster.ts";

const ATTEMPTS = 10;

/** The server refuses it then for any other object of that name, or version of that object. */
export function pinned(
  object: KubeObject,
  { uid, resourceVersion }: { uid: string | null; resourceVersion?: string },
): KubeObject {
  return {
    ...object,
    metadata: {
      ...object.metadata,
      ...(uid === null ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
  };
}

/**
 * Where only the status has moved on since, it is applied all the same. Doing it again after it was done
 * comes to nothing.
 * Throws RefusedError `plan_changed`, ApplyError `apply_failed` when others write faster.
 */
export async function applyAsPlanned(
  cluster: Cluster,
  manifest: KubeObject,
  before: KubeObject,
  manager: string,
): Promise<void> {
  const ref = refOf(manifest);
  let latest = before;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const resourceVersion = String(latest.metadata.resourceVersion);
    try {
      await cluster.apply(pinned(manifest, { uid: uidOf(before), resourceVersion }), {
        dryRun: false,
      });
      return;
    } catch (error) {
      if (!(error instanceof ModifiedError)) throw error;
    }
    const live = await cluster.get(ref);
    if (live === null || uidOf(live) !== uidOf(before)) {
      throw new RefusedError("plan_changed", `${formatRef(ref)} was removed after it was planned`);
    }
    if (!isSame(live, before)) {
      if (await isDone(cluster, manifest, live, manager)) return;
      throw new RefusedError(
        "plan_changed",
        `${formatRef(ref)} was changed by someone else after it was planned`,
      );
    }
    latest = live;
  }
  throw new ApplyError("apply_failed", `${formatRef(ref)} changed under us ${ATTEMPTS} times`);
}

/**
 * By us, before a crash or a lost answer: it says what it should, and we own what an apply makes us own.
 * Had someone else set the same values, the fields would be theirs.
 */
async function isDone(
  cluster: Cluster,
  manifest: KubeObject,
  live: KubeObject,
  manager: string,
): Promise<boolean> {
  const { object } = await cluster.apply(pinned(manifest, { uid: uidOf(live) }), { dryRun: true });
  return isSame(object, live) &&
    canonicalDigest(fieldsAppliedBy(object, manager)) ===
      canonicalDigest(fieldsAppliedBy(live, manager));
}

/** As people mean it: the status and what servers and controllers note do not count. */
export function isSame(a: KubeObject, b: KubeObject): boolean {
  return canonicalDigest(comparable(a)) === canonicalDigest(comparable(b));
}
