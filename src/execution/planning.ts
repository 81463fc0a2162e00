/** From an accepted package to a plan that a person, or the policy, can say yes to. */
import type { LocalCluster } from "../core/admission.ts";
import type { ExecutionRecord, PackageMaterial, Preimage } from "../core/execution.ts";
import { type Plan, sealPlan } from "../core/plan.ts";
import type { Policy } from "../core/policy.ts";
import type { ThresholdVerifier } from "../core/verification/threshold.ts";
import type { WorkPackage } from "../core/work_package.ts";
import type { Clock } from "../runtime.ts";
import type { Cluster } from "./cluster.ts";
import type { HostFiles } from "./host_files.ts";
import { operationsOf } from "./operations/operations_of.ts";
import { sideBySide } from "./side_by_side.ts";
import { allow, reopen } from "./stages.ts";

/** Dry runs of one package that are under way at once. */
const MAX_PREVIEWS = 8;

export interface PlanningParts {
  readonly cluster: Cluster;
  readonly verifier: ThresholdVerifier;
  readonly policy: () => Policy;
  readonly identity: () => LocalCluster;
  readonly fieldManager: string;
  /** See OperationContext. */
  readonly maskSalt: string;
  readonly hostFiles: HostFiles;
  readonly clock: Clock;
}

export interface Planned {
  readonly workPackage: WorkPackage;
  readonly plan: Plan;
  readonly preimages: readonly Preimage[];
  /** As the policy of this moment has it. */
  readonly needsApproval: boolean;
  /** When the policy's window for it opens, epoch ms; null when it may be carried out now. */
  readonly opensAtMs: number | null;
}

/**
 * Judges the record anew, dry-runs every operation against the cluster as it is now, and judges it by
 * what it would do there.
 * Throws what any stage and the cluster throw.
 */
export async function makePlan(
  record: ExecutionRecord,
  pack: PackageMaterial,
  parts: PlanningParts,
): Promise<Planned> {
  const policy = parts.policy();
  const reopened = await reopen(record, pack, {
    verifier: parts.verifier,
    policy,
    cluster: parts.identity(),
    nowMs: parts.clock.now(),
  });
  const { digest, workPackage } = reopened;
  const context = { ...parts, executionId: reopened.id };
  const previews = await sideBySide(
    operationsOf(workPackage, context),
    MAX_PREVIEWS,
    (operation) => operation.preview(parts.cluster),
  );
  const entries = previews.map((preview) => preview.entry);
  // The verbs are known now, and time has passed meanwhile.
  const { verdict } = allow(reopened, policy, parts.clock.now(), entries);
  return {
    workPackage,
    plan: sealPlan(digest, entries, parts.clock.now()),
    preimages: previews.map(({ entry, before }) => ({ ref: entry.ref, before })),
    needsApproval: verdict.approval === "required",
    opensAtMs: verdict.opensAtMs,
  };
}
