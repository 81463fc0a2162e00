/** The way back: every object as its preimage has it, in reverse order. Safe to begin again after a crash. */
import { StalledError, TransientError } from "../errors.ts";
import type { ExecutionRecord } from "../core/execution.ts";
import { formatRef } from "../core/kubernetes_object.ts";
import type { ApplyingParts } from "./applying.ts";
import { fence } from "./fenced_cluster.ts";
import { assertLeader } from "./leadership.ts";
import { StillDeletingError } from "./operations/operation.ts";
import { operationsOf } from "./operations/operations_of.ts";
import { packageOf } from "./stages.ts";

/** At least so long an object that is on its way out is waited for: a pod's grace period and a margin. */
const MIN_DELETION_MS = 60_000;
const MAX_NAMED = 5;

/**
 * rolling_back → rolled_back or rollback_failed.
 * Throws while the API server is away or does not let us in: the caller asks again, as long as it takes.
 */
export async function rollBack(
  record: ExecutionRecord,
  parts: ApplyingParts,
  signal: AbortSignal,
): Promise<void> {
  const preimages = await parts.book.preimages(record);
  const workPackage = packageOf(await parts.book.package(record));
  const context = { ...parts, executionId: record.id };
  // The operation at `applied` may have been done just before it was to be noted.
  const begun = operationsOf(workPackage, context).slice(0, record.applied + 1);
  const cluster = fence(parts.cluster, parts.leadership);
  const patienceMs = Math.max(workPackage.spec.wait.timeout, MIN_DELETION_MS);
  const isLate = parts.clock.now() > record.sinceMs + patienceMs;
  const inexact: string[] = [];
  const failures: string[] = [];
  for (const [index, operation] of [...begun.entries()].reverse()) {
    signal.throwIfAborted();
    try {
      inexact.push(...await operation.revert(cluster, preimages[index]!.before));
    } catch (error) {
      if (mayPass(error) && !(isLate && error instanceof StillDeletingError)) throw error;
      // One object that cannot be put back is no reason to leave the others as they are.
      failures.push(
        `${formatRef(operation.ref)}: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
  assertLeader(parts.leadership);
  const { code, reason } = record;
  if (failures.length > 0) {
    const text = `${reason}; could not be taken back: ${summarize(failures)}`;
    await parts.book.move(record, "rollback_failed", text, { code: "rollback_failed" });
    return;
  }
  const text = inexact.length === 0
    ? "every object is as it was"
    : `not exactly as it was: ${summarize(inexact)}`;
  await parts.book.move(record, "rolled_back", `${reason}; ${text}`, { code });
}

function mayPass(error: unknown): boolean {
  return error instanceof TransientError || error instanceof StalledError ||
    (error as { code?: string }).code === "not_leader";
}

function summarize(texts: readonly string[]): string {
  const more = texts.length - MAX_NAMED;
  return texts.slice(0, MAX_NAMED).join("; ") + (more > 0 ? `; and ${more} more` : "");
}
