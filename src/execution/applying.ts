/**
 * The back of the pipeline: keep preimages, apply, wait, and hand over to the rollback where it fails.
 * Any step may be the last before a crash; `carryOut` goes on from what the journal says.
 */
import { ConnectorError, InvalidInputError, RefusedError } from "../errors.ts";
import { isGenuine } from "../core/approval.ts";
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
import { persistently, waitHealthy } from "./waiting.ts";

export interface ApplyingParts extends PlanningParts {
  readonly book: ExecutionBook;
  readonly leadership: Leadership;
  readonly random: Random;
  readonly key: JournalKey;
}

/**
 * approved → applying → its end; or plan_changed; or back to pending_approval.
 * @param planned made just now
 */
export async function apply(
  record: ExecutionRecord,
  { plan, preimages, needsApproval }: Planned,
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
  if (needsApproval && !await isApproved(record, plan.digest, parts.key)) {
    const reason = "the policy wants a person's approval, and none that holds is on record";
    await parts.book.move(record, "pending_approval", reason, { plan, approvals: [] });
    return;
  }
  const preimagesDigest = await keepPreimages(record, preimages, parts.book);
  if (preimagesDigest === null) return;
  // The audit entry and the preimages are on the disk when this returns, and not before.
  const applying = await parts.book.move(record, "applying", "the plan is being carried out", {
    preimagesDigest,
    applied: 0,
  });
  await carryOut(applying, parts, signal);
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

async function isApproved(
  { id, digest, approvals }: ExecutionRecord,
  planDigest: string,
  key: JournalKey,
): Promise<boolean> {
  const about = { executionId: id, packageDigest: digest, planDigest };
  for (const approval of approvals) if (await isGenuine(approval, about, key)) return true;
  return false;
}

/** applying → succeeded, failed, or rolling_back and its end. Safe to call again after a crash. */
export async function carryOut(
  record: ExecutionRecord,
  parts: ApplyingParts,
  signal: AbortSignal,
): Promise<void> {
  const preimages = await parts.book.preimages(record);
  const workPackage = packageOf(await parts.book.package(record));
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
  if (packageOf(await parts.book.package(record)).spec.onFailure === "stop") {
    await parts.book.move(record, "failed", failure.message, { code });
    return;
  }
  const reverting = await parts.book.move(record, "rolling_back", failure.message, { code });
  await rollBack(reverting, parts, signal);
}
