/** Server-side apply of one manifest object, and its reversal through the fields we owned before. */
import { isDeepStrictEqual } from "node:util";
import { ApplyError, RefusedError, TransientError } from "../../errors.ts";
import { type Prerequisite, uncheckedBecause } from "../../core/apply_order.ts";
import { comparable, diffObjects } from "../../core/diff.ts";
import {
  formatRef,
  type KubeObject,
  managedFieldsOf,
  type ObjectRef,
  refOf,
  uidOf,
} from "../../core/kubernetes_object.ts";
import { isAppliedBy, ownedFields } from "../../core/owned_fields.ts";
import { withStoredData } from "../../core/secret_data.ts";
import type { Cluster } from "../cluster.ts";
import { applyAsPlanned, pinned } from "./apply_as_planned.ts";
import { foresee } from "./foresee.ts";
import {
  assertScope,
  assessPresent,
  checkScope,
  findIfKnown,
  type Operation,
  type OperationContext,
  type Preview,
} from "./operation.ts";

const TRY = { dryRun: true };
const WRITE = { dryRun: false };

/** @param needs what the same package makes before, and this object cannot do without */
export function applyOperation(
  given: KubeObject,
  { fieldManager: manager, maskSalt: salt }: OperationContext,
  needs: readonly Prerequisite[] = [],
): Operation {
  const manifest = withStoredData(given);
  const ref = refOf(manifest);
  /** For a new object the manifest is shown: names that the server draws differ in each dry run. */
  const asNew = () => diffObjects(null, manifest, salt);

  /** A manifest that says nothing makes an object of which nobody owns anything. */
  const isOurs = (live: KubeObject) =>
    isAppliedBy(live, manager) || (saysNothing(manifest) && !isOwned(live));

  function unchecked(missing: Prerequisite): Preview {
    if (missing.namespaced !== undefined) assertScope(ref, missing.namespaced);
    const entry = { action: "apply", verb: "create", ref, uid: null, warnings: [] } as const;
    return {
      entry: { ...entry, changes: asNew(), unchecked: uncheckedBecause(missing) },
      before: null,
    };
  }

  return {
    ref,
    needs,
    async preview(cluster) {
      const missing = await firstMissing(cluster, ref, needs);
      if (missing) return unchecked(missing);
      await checkScope(cluster, ref);
      const { before, result } = await foresee(cluster, ref, () => cluster.apply(manifest, TRY));
      const changes = before ? diffObjects(before, result.object, salt) : asNew();
      const verb = before === null ? "create" : changes.length > 0 ? "change" : "unchanged";
      const uid = before ? uidOf(before) : null;
      const { warnings } = result;
      return { entry: { action: "apply", verb, ref, uid, changes, warnings }, before };
    },
    async perform(cluster, before) {
      if (before) return await applyAsPlanned(cluster, manifest, before, manager);
      if (needs.length > 0) await tryAtLast(cluster, manifest);
      await applyNew(cluster, manifest, isOurs);
    },
    assess: assessPresent,
    async revert(cluster, before) {
      const live = await findIfKnown(cluster, ref);
      if (before === null) {
        if (live === null) return [];
        if (!isOurs(live)) return [`${formatRef(ref)}: someone else has made one`];
        await cluster.delete(ref, uidOf(live)!, WRITE);
        return [];
      }
      if (live === null || uidOf(live) !== uidOf(before)) {
        return [`${formatRef(ref)}: was removed or replaced by someone else meanwhile`];
      }
      const earlier = pinned(ownedFields(before, manager), { uid: uidOf(before) });
      const { object } = await cluster.apply(earlier, WRITE);
      return diffObjects(comparable(before), comparable(object), salt)
        .map((change) => `${formatRef(ref)}: ${change.path} differs from before`);
    },
  };
}

async function firstMissing(
  cluster: Cluster,
  ref: ObjectRef,
  needs: readonly Prerequisite[],
): Promise<Prerequisite | null> {
  for (const need of needs) {
    const isThere = need.gives === "namespace"
      ? await cluster.get(need.ref) !== null
      : await isKnown(cluster, ref);
    if (!isThere) return need;
  }
  return null;
}

async function isKnown(cluster: Cluster, ref: ObjectRef): Promise<boolean> {
  try {
    await cluster.resolve(ref);
    return true;
  } catch (error) {
    if (error instanceof RefusedError && error.code === "not_found") return false;
    throw error;
  }
}

/** The dry run that the plan could not have. A definition is served a moment after it is established. */
async function tryAtLast(cluster: Cluster, manifest: KubeObject): Promise<void> {
  try {
    await cluster.apply(manifest, TRY);
  } catch (error) {
    if (!(error instanceof RefusedError && error.code === "not_found")) throw error;
    throw new TransientError("unavailable", error.message, { cause: error });
  }
}

/**
 * No precondition of an apply says "only if it is not there", so it is looked for right before, and the
 * answer is looked at: where someone else was faster all the same, it is given back.
 */
async function applyNew(
  cluster: Cluster,
  manifest: KubeObject,
  isOurs: (live: KubeObject) => boolean,
): Promise<void> {
  const ref = refOf(manifest);
  const live = await cluster.get(ref);
  // Ours is from before a crash, or an answer was lost.
  if (live && !isOurs(live)) {
    throw new RefusedError(
      "plan_changed",
      `${formatRef(ref)} was created by someone else after it was planned`,
    );
  }
  const { object, isNew } = await cluster.apply(
    live ? pinned(manifest, { uid: uidOf(live) }) : manifest,
    WRITE,
  );
  if (isNew || live) return;
  await cluster.apply(pinned(identityOf(manifest), { uid: uidOf(object) }), WRITE);
  throw new ApplyError(
    "apply_failed",
    `${formatRef(ref)} was created by someone else in the same moment; it has been left to them`,
  );
}

function identityOf({ apiVersion, kind, metadata: { name, namespace } }: KubeObject): KubeObject {
  return {
    apiVersion,
    kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
  };
}

/** Such as a Namespace by its name alone. */
function saysNothing(manifest: KubeObject): boolean {
  return isDeepStrictEqual(manifest, identityOf(manifest));
}

function isOwned(live: KubeObject): boolean {
  return managedFieldsOf(live).some(({ subresource }) => !subresource);
}
