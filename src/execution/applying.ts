/**
 * The back of the pipeline: keep preimages, apply, wait, and hand over to the rollback where it fails.
 * Any step may be the last before a crash; `carryOut` goes on from what the journal says.
 */
import { ConnectorError, RefusedError } from "../errors.ts";
import { type Approval, approvalsThatCount, formatApprovers, isLapsed } from "../core/approval.ts";
import type { Approvers } from "../core/approver.ts";
import type { ConnectorKey } from "../core/connector_key.ts";
import { type ExecutionRecord, materialOf } from "../core/execution.ts";
import type { Random } from "../runtime.ts";
import type { ExecutionBook } from "./book.ts";
import { fence } from "./fenced_cluster.ts";
import { assertLeader, type Leadership } from "./leadership.ts";
import { operationsOf } from "./operations/operations_of.ts";
import type { Planned, PlanningParts } from "./planning.ts";
import { rollBack } from "./rolling_back.ts";
import { packageOf } from "./stages.ts";
import { persistently, waitHealthy } from "./waiting.ts";

export interface ApplyingParts extends PlanningParts {
  readonly book: ExecutionBook;
  readonly leadership: Leadership;
  readonly random: Random;
  readonly key: ConnectorKey;
  readonly approvers: Approvers;
}

/**
 * approved → applying → its end; or plan_changed; or back to pending_approval.
 * @param planned made just now
 */
export async function apply(
  record: ExecutionRecord,
  { plan, preimages, needsApproval, opensAtMs }: Planned,
  parts: ApplyingParts,
  signal: AbortSignal,
): Promise<void> {
  assertLeader(parts.leadership);
  if (plan.digest !== record.plan?.digest) {
    const reason = `the cluster has changed since it was planned: it would now be ${plan.digest}`;
    await parts.book.move(record, "plan_changed", reason, { code: "plan_changed" });
    return;
  }
  // Asked again, of the policy as it is now and of the approval itself: the state is no proof of either.
  const missing = needsApproval ? await missingApprovals(record, plan.digest, parts) : null;
  if (missing) {
    const { reason, approvals } = missing;
    await parts.book.move(record, "pending_approval", reason, { plan, approvals });
    return;
  }
  if (opensAtMs !== null) {
    const reason = `waits for a window of the policy, which opens at ${iso(opensAtMs)}`;
    if (reason !== record.reason) await parts.book.move(record, "approved", reason);
    return;
  }
  // The audit entry and the preimages are on the disk when this returns, and not before.
  const applying = await parts.book.move(record, "applying", "the plan is being carried out", {
    material: { ...materialOf(record), preimages },
    applied: 0,
  });
  await carryOut(applying, parts, signal);
}

/** What is said to people, and the approvals that do count; null when they are as many as the policy wants. */
async function missingApprovals(
  record: ExecutionRecord,
  planDigest: string,
  { approvers, clock, key, ...parts }: ApplyingParts,
): Promise<{ reason: string; approvals: readonly Approval[] } | null> {
  const policy = parts.policy();
  const context = { approvers, policy, key, nowMs: clock.now() };
  const approvals = await approvalsThatCount(record, planDigest, context);
  const { count } = policy.approval;
  if (approvals.length >= count) return null;
  const held = approvals.length === 0 ? "none" : `only ${formatApprovers(approvals)}`;
  const lapsed = record.approvals.filter((approval) => isLapsed(approval, context));
  const why = lapsed.length === 0 ? "" : `; lapsed meanwhile: ${formatApprovers(lapsed)}`;
  const wanted = count === 1 ? "a person's approval" : `the approval of ${count} persons`;
  return { reason: `the policy wants ${wanted}, and ${held} counts now${why}`, approvals };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** applying → succeeded, failed, or rolling_back and its end. Safe to call again after a crash. */
export async function carryOut(
  record: ExecutionRecord,
  parts: ApplyingParts,
  signal: AbortSignal,
): Promise<void> {
  const { preimages } = materialOf(record);
  const workPackage = packageOf(record);
  const context = { ...parts, executionId: record.id };
  const operations = operationsOf(workPackage, context);
  const cluster = fence(parts.cluster, parts.leadership);
  // From now, not from when it began: a restart must not eat up the time that a rollout gets.
  const deadlineMs = parts.clock.monotonic() + workPackage.spec.wait.timeout;
  const patience = { ...parts, signal, deadlineMs };

  let current = record;
  for (const [index, operation] of operations.entries()) {
    if (index < record.applied) continue;
    const { before } = preimages[index]!;
    const failure = await failureOf(
      () => persistently(() => operation.perform(cluster, before), patience),
      signal,
    );
    if (failure) return await fail(current, failure, parts, signal);
    current = await parts.book.note(current, { applied: index + 1 });
  }
  const failure = await failureOf(async () => {
    for (const [index, operation] of operations.entries()) {
      await waitHealthy(operation, preimages[index]!.before, cluster, patience);
    }
  }, signal);
  if (failure) return await fail(current, failure, parts, signal);
  await parts.book.move(current, "succeeded", `${operations.length} objects are as asked for`);
}

/** What went wrong with the cluster. Being stopped or deposed is no failure: whoever is next goes on. */
async function failureOf(work: () => Promise<void>, signal: AbortSignal): Promise<Error | null> {
  try {
    await work();
    return null;
  } catch (error) {
    const isDeposed = error instanceof RefusedError && error.code === "not_leader";
    if (signal.aborted || isDeposed || !(error instanceof Error)) throw error;
    return error;
  }
}

async function fail(
  record: ExecutionRecord,
  failure: Error,
  parts: ApplyingParts,
  signal: AbortSignal,
): Promise<void> {
  assertLeader(parts.leadership);
  const code = failure instanceof ConnectorError ? failure.code : "apply_failed";
  if (packageOf(record).spec.onFailure === "stop") {
    await parts.book.move(record, "failed", failure.message, { code });
    return;
  }
  const reverting = await parts.book.move(record, "rolling_back", failure.message, { code });
  await rollBack(reverting, parts, signal);
}
