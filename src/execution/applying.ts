/**
 * The back of the pipeline: keep preimages, apply, wait, and hand over to the rollback where it fails.
 * Any step may be the last before a crash; `carryOut` goes on from what the journal says.
 */
import { ConnectorError, InvalidInputError, RefusedError } from "../errors.ts";
import { type Approval, approvalsThatCount, formatApprovers, isLapsed } from "../core/approval.ts";
import type { Approvers } from "../core/approver.ts";
import type { ExecutionRecord, Preimage } from "../core/execution.ts";
import type { JournalKey } from "../core/journal_key.ts";
import type { Random } from "../runtime.ts";
import type { ExecutionBook } from "./book.ts";
import { fence } from "./fenced_cluster.ts";
import { assertLeader, type Leadership } from "./leadership.ts";
import { operationsOf } from "./operations/operations_of.ts";
import type { Planned, PlanningParts } from "./planning.ts";
import { rollBack } from "./rolling_back.ts";
import { packageOf } from "./stages.ts";
import { successorReason, watchForSuccessor } from "./succession.ts";
import { persistently, waitForNeeds, waitHealthy } from "./waiting.ts";

export const AUTO_REASON = "the policy's auto mode allows it";

export interface ApplyingParts extends PlanningParts {
  readonly book: ExecutionBook;
  readonly leadership: Leadership;
  readonly random: Random;
  readonly key: JournalKey;
  readonly approvers: Approvers;
}

/**
 * approved → applying → its end; or plan_changed; or back to pending_approval.
 * @param planned made just now
 */
export async function apply(
  record: ExecutionRecord,
  planned: Planned,
  parts: ApplyingParts,
  signal: AbortSignal,
): Promise<void> {
  const { plan, preimages, needsApproval, opensAtMs } = planned;
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
    const reason = waitsFor(opensAtMs);
    if (reason !== record.reason) await parts.book.move(record, "approved", reason);
    return;
  }
  const preimagesDigest = await keepPreimages(record, preimages, parts.book);
  if (preimagesDigest === null) return;
  // The audit entry and the preimages are on the disk when this returns, and not before.
  const applying = await parts.book.move(record, "applying", "the plan is being carried out", {
    preimagesDigest,
    applied: 0,
  });
  await carryOut(applying, parts, signal, planned);
}

/**
 * accepted → approved → applying → its end, where no person is asked: the plan was made just now, and is
 * not made again.
 */
export async function applyAtOnce(
  record: ExecutionRecord,
  planned: Planned,
  parts: ApplyingParts,
  signal: AbortSignal,
): Promise<void> {
  assertLeader(parts.leadership);
  const { plan, preimages } = planned;
  const preimagesDigest = await keepPreimages(record, preimages, parts.book);
  if (preimagesDigest === null) return;
  const applying = await parts.book.moveThrough(record, [
    { state: "approved", reason: AUTO_REASON, plan },
    { state: "applying", reason: "the plan is being carried out", preimagesDigest, applied: 0 },
  ]);
  await carryOut(applying, parts, signal, planned);
}

/** null when the package was refused: nothing is changed that could not be taken back. */
async function keepPreimages(
  record: ExecutionRecord,
  preimages: readonly Preimage[],
  book: ExecutionBook,
): Promise<string | null> {
  try {
    return await book.savePreimages(record, preimages);
  } catch (error) {
    if (!(error instanceof InvalidInputError && error.code === "too_large")) throw error;
    await book.move(record, "refused", error.message, { code: error.code });
    return null;
  }
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

export function waitsFor(opensAtMs: number): string {
  return `waits for a window of the policy, which opens at ${new Date(opensAtMs).toISOString()}`;
}

/**
 * applying → succeeded, failed, superseded, plan_changed, or rolling_back and its end.
 * Safe to call again after a crash.
 * @param begun what it has begun with just now, so that nothing can have been written yet
 */
export async function carryOut(
  record: ExecutionRecord,
  parts: ApplyingParts,
  signal: AbortSignal,
  begun?: Pick<Planned, "workPackage" | "preimages">,
): Promise<void> {
  const preimages = begun?.preimages ?? await parts.book.preimages(record);
  const workPackage = begun?.workPackage ?? packageOf(await parts.book.package(record));
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
    const isUnchecked = record.plan?.entries[index]?.unchecked !== undefined;
    let tries = 0;
    const failure = await failureOf(async () => {
      if (isUnchecked) await waitForNeeds(operation, cluster, patience);
      await persistently(() => {
        tries += 1;
        return operation.perform(cluster, before);
      }, patience);
    }, signal);
    if (failure) {
      const isUntouched = begun !== undefined && index === 0 && tries === 1;
      if (isUntouched && isPlanChanged(failure)) {
        await parts.book.move(current, "plan_changed", failure.message, { code: "plan_changed" });
        return;
      }
      return await fail(current, failure, parts, signal);
    }
    current = await parts.book.note(current, { applied: index + 1 });
  }
  const successor = watchForSuccessor(record, parts.book);
  const failure = await failureOf(async () => {
    const waits = operations.map((operation, index) => ({
      operation,
      before: preimages[index]!.before,
    }));
    await waitHealthy(waits, cluster, {
      ...patience,
      signal: AbortSignal.any([signal, successor.signal]),
    });
  }, signal).finally(successor.stop);
  if (failure && successor.signal.aborted) {
    await parts.book.move(current, "superseded", successorReason(successor.signal));
    return;
  }
  if (failure) return await fail(current, failure, parts, signal);
  await parts.book.move(current, "succeeded", `${operations.length} objects are as asked for`);
}

function isPlanChanged(failure: Error): boolean {
  return failure instanceof RefusedError && failure.code === "plan_changed";
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
  if (packageOf(await parts.book.package(record)).spec.onFailure === "stop") {
    await parts.book.move(record, "failed", failure.message, { code });
    return;
  }
  const reverting = await parts.book.move(record, "rolling_back", failure.message, { code });
  await rollBack(reverting, parts, signal);
}
