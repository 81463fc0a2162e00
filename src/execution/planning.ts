/** From an accepted package to a plan that a person, or the policy, can say yes to. */
import type { LocalCluster } from "../core/admission.ts";
import type { ExecutionRecord, Preimage } from "../core/execution.ts";
import { type Plan, sealPlan } from "../core/plan.ts";
import type { Policy } from "../core/policy.ts";
import type { BundleVerifier } from "../core/verification/verify.ts";
import type { Clock } from "../runtime.ts";
import type { Cluster } from "./cluster.ts";
import type { Operation } from "./operations/operation.ts";
import { operationsOf } from "./operations/operations_of.ts";
import { type AllowedPackage, reopen } from "./stages.ts";

export interface PlanningParts {
  readonly cluster: Cluster;
  readonly verifier: BundleVerifier;
  readonly policy: () => Policy;
  readonly identity: () => LocalCluster;
  readonly fieldManager: string;
  readonly clock: Clock;
}

export interface Planned {
  readonly package: AllowedPackage;
  readonly plan: Plan;
  readonly operations: readonly Operation[];
  readonly preimages: readonly Preimage[];
}

/** Verifies the record again and dry-runs every operation against the cluster as it is now. */
export async function makePlan(record: ExecutionRecord, parts: PlanningParts): Promise<Planned> {
  const allowed = reopen(record, {
    verifier: parts.verifier,
    policy: parts.policy(),
    cluster: parts.identity(),
    nowMs: parts.clock.now(),
  });
  const operations = operationsFor(allowed, parts);
  const previews = [];
  for (const operation of operations) previews.push(await operation.preview(parts.cluster));
  const entries = previews.map((preview) => preview.entry);
  return {
    package: allowed,
    plan: sealPlan(allowed.digest, entries, parts.clock.now()),
    operations,
    preimages: previews.map(({ entry, before }) => ({ ref: entry.ref, before })),
  };
}

export function operationsFor(
  { id, workPackage }: Pick<AllowedPackage, "id" | "workPackage">,
  parts: Pick<PlanningParts, "fieldManager">,
): Operation[] {
  return operationsOf(workPackage, { executionId: id, fieldManager: parts.fieldManager });
}
