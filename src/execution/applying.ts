/**
 * The back of the pipeline: plan again and compare, keep preimages, apply, wait, and take everything
 * back where it fails. Any step may be the last before a crash; `carryOut` and `rollBack` go on from
 * what the journal says.
 */
import { ApplyError, ConnectorError, RefusedError, TransientError } from "../errors.ts";
import { backoffMs } from "../core/backoff.ts";
import { decodeBase64 } from "../core/encoding.ts";
import type { ExecutionRecord } from "../core/execution.ts";
import { formatRef } from "../core/kubernetes_object.ts";
import { assessHealth } from "../core/object_health.ts";
import { parseWorkPackage, type WorkPackage } from "../core/work_package.ts";
import type { Random } from "../runtime.ts";
import type { ExecutionBook } from "./book.ts";
import { assertLeader, type Leadership } from "./leadership.ts";
import type { Operation } from "./operations/operation.ts";
import { makePlan, operationsFor, type PlanningParts } from "./planning.ts";
import { bound } from "./stages.ts";

const RETRY = { baseMs: 200, maxMs: 5000 };
const POLL_MS = { first: 50, longest: 2000 };

export interface ApplyingParts extends PlanningParts {
  readonly book: ExecutionBook;
  readonly leadership: Leadership;
  readonly random: Random;
}

/** approved → applying → its end; or plan_changed. */
export async function apply(
  record: ExecutionRecord,
  parts: ApplyingParts,
  signal: AbortSignal,
): Promise<void> {
  assertLeader(parts.leadership);
  const { plan, preimages } = await makePlan(record, parts);
  if (plan.digest !== record.plan?.digest) {
    await parts.book.move(
      record.id,
      "plan_changed",
      `the cluster has changed since the plan was approved: it would now be ${plan.digest}`,
      { code: "plan_changed" },
    );
    return;
  }
  // The audit entry and the preimages are on the disk when this returns, and not before.
  const applying = await parts.book.move(record.id, "applying", "the plan is being carried out", {
    preimages,
    applied: 0,
  });
  await carryOut(applying, parts, signal);
}

/** applying → succeeded, failed, or rolling_back and its end. Safe to call again after a crash. */
export async function carryOut(
  record: ExecutionRecord,
  parts: ApplyingParts,
  signal: AbortSignal,
): Promise<void> {
  const workPackage = packageOf(record);
  const operations = operationsFor({ id: record.id, workPackage }, parts);
  const deadline = record.sinceMs + workPackage.spec.wait.timeout;
  try {
    for (let index = record.applied; index < operations.length; index++) {
      const before = record.preimages[index]!.before;
      await persistently(
        (cluster) => operations[index]!.perform(cluster, before),
        parts,
        signal,
        deadline,
      );
      await parts.book.note(record.id, { applied: index + 1 });
    }
    for (const operation of operations) {
      if (operation.awaitsHealth) await waitHealthy(operation, parts, signal, deadline);
    }
  } catch (error) {
    if (signal.aborted || isForAnother(error)) throw error;
    await fail(record, workPackage, error, parts, signal);
    return;
  }
  await parts.book.move(record.id, "succeeded", `${operations.length} objects are as asked for`);
}

async function fail(
  record: ExecutionRecord,
  workPackage: WorkPackage,
  error: unknown,
  parts: ApplyingParts,
  signal: AbortSignal,
): Promise<void> {
  const code = error instanceof ConnectorError ? error.code : "apply_failed";
  const reason = error instanceof Error ? error.message : String(error);
  if (workPackage.spec.onFailure === "stop") {
    await parts.book.move(record.id, "failed", reason, { code });
    return;
  }
  await rollBack(await parts.book.move(record.id, "rolling_back", reason, { code }), parts, signal);
}

/** rolling_back → rolled_back or rollback_failed, in reverse order. Safe to call again after a crash. */
export async function rollBack(
  record: ExecutionRecord,
  parts: ApplyingParts,
  signal: AbortSignal,
): Promise<void> {
  const operations = operationsFor({ id: record.id, workPackage: packageOf(record) }, parts);
  const { code, reason } = record;
  const inexact: string[] = [];
  // The operation at `applied` may have been done just before it was to be noted.
  const last = Math.min(record.applied, operations.length - 1);
  try {
    for (let index = last; index >= 0; index--) {
      const before = record.preimages[index]!.before;
      const revert = (cluster: PlanningParts["cluster"]) =>
        operations[index]!.revert(cluster, before);
      inexact.push(...await persistently(revert, parts, signal, Infinity));
    }
  } catch (error) {
    if (signal.aborted || isForAnother(error)) throw error;
    await parts.book.move(
      record.id,
      "rollback_failed",
      `${reason}; then the rollback failed: ${error instanceof Error ? error.message : error}`,
      { code: "rollback_failed" },
    );
    return;
  }
  await parts.book.move(
    record.id,
    "rolled_back",
    inexact.length === 0
      ? `${reason}; every object is as it was`
      : `${reason}; not exactly as it was: ${inexact.slice(0, 5).join("; ")}`,
    { code },
  );
}

/** Tries again while the peer may come back; asks for leadership before every try. */
async function persistently<T>(
  work: (cluster: PlanningParts["cluster"]) => Promise<T>,
  parts: ApplyingParts,
  signal: AbortSignal,
  deadlineMs: number,
): Promise<T> {
  for (let attempt = 0;; attempt++) {
    signal.throwIfAborted();
    assertLeader(parts.leadership);
    try {
      return await work(parts.cluster);
    } catch (error) {
      if (!(error instanceof TransientError) || parts.clock.now() >= deadlineMs) throw error;
      const pauseMs = backoffMs(attempt, parts.random.fraction(), error.retryAfterMs, RETRY);
      await parts.clock.sleep(pauseMs, signal);
    }
  }
}

async function waitHealthy(
  operation: Operation,
  parts: ApplyingParts,
  signal: AbortSignal,
  deadlineMs: number,
): Promise<void> {
  const { ref } = operation;
  for (let pollMs = POLL_MS.first;; pollMs = Math.min(pollMs * 2, POLL_MS.longest)) {
    const live = await persistently((cluster) => cluster.get(ref), parts, signal, deadlineMs);
    const health = live
      ? assessHealth(live)
      : { state: "failed" as const, message: "was removed by someone else" };
    if (health.state === "current") return;
    if (health.state === "failed") {
      throw new ApplyError("unhealthy", `${formatRef(ref)}: ${health.message}`);
    }
    if (parts.clock.now() >= deadlineMs) {
      throw new ApplyError(
        "unhealthy",
        `${formatRef(ref)} is not healthy in time: ${health.message}`,
      );
    }
    await parts.clock.sleep(pollMs, signal);
  }
}

/** Leadership is gone: the next leader finishes the work, this process must not judge it. */
function isForAnother(error: unknown): boolean {
  return error instanceof RefusedError && error.code === "not_leader";
}

/** Verified when it was planned; since then only the digest can tell that the journal was not edited. */
function packageOf(record: ExecutionRecord): WorkPackage {
  const { digest, payload } = bound(decodeBase64(record.payload), record.bundle);
  if (digest !== record.digest) {
    throw new RefusedError("bad_signature", `The journal of ${record.id} holds other bytes`);
  }
  return parseWorkPackage(payload);
}
