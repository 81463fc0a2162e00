/**
 * Looks for decisions that persons left on executions in the cluster, and hands them to the approvals. Each
 * is answered in its place, taken or not. One is believed only if the API server refused a false name before
 * it was there, and refuses one on that very execution now.
 */
import { type AnnotatedDecision, DECISION, parseDecision } from "../core/annotated_decision.ts";
import type { Approvers } from "../core/approver.ts";
import type { AuditLog } from "../core/audit.ts";
import { canonicalJson } from "../core/canonical_json.ts";
import type { ExecutionRecord } from "../core/execution.ts";
import type { HealthBoard } from "../core/health.ts";
import { Sightings } from "../core/sightings.ts";
import {
  ConnectorError,
  describeError,
  type ErrorCode,
  InvalidInputError,
  RefusedError,
  TransientError,
} from "../errors.ts";
import type { Approvals } from "../execution/approvals.ts";
import type { ExecutionBook } from "../execution/book.ts";
import type { DecisionAnnotations } from "../execution/decision_annotations.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../runtime.ts";

export interface AnnotationPorts {
  readonly annotations: DecisionAnnotations;
  readonly approvals: Pick<Approvals, "approve" | "reject">;
  readonly approvers: Pick<Approvers, "byKubernetesUser">;
  readonly book: Pick<ExecutionBook, "listOpen" | "openCount" | "onMove">;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly health: HealthBoard;
  readonly logger: Pick<Logger, "log">;
}

const PART = "approvals";
const INTERVAL_MS = 1500;
const MAX_USER = 300;
/** Nobody could put the refusal on record, or another agent leads: the next look brings it again. */
const NOT_SETTLED: readonly ErrorCode[] = ["audit_unavailable", "audit_broken", "not_leader"];

/** Runs until the signal aborts; resolves then. */
export async function runAnnotations(ports: AnnotationPorts, signal: AbortSignal): Promise<void> {
  const { book, clock, health, logger } = ports;
  const looks = new Looks(ports);
  while (!signal.aborted) {
    const isIdle = book.openCount === 0;
    try {
      await looks.look();
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      const reason = describeError(error);
      const mayPass = error instanceof TransientError || error instanceof RefusedError;
      health.report(PART, mayPass ? "degraded" : "stalled", reason);
      logger.log("warn", "decisions_delayed", { reason });
    }
    // From rest at once: what is written before the first look would have to be written again.
    const nap = new AbortController();
    const stop = isIdle ? book.onMove(() => nap.abort()) : () => {};
    await clock.sleep(INTERVAL_MS, AbortSignal.any([signal, nap.signal])).catch(() => {});
    stop();
  }
}

interface Seen {
  /** What is to be said where names are not guarded; null where they are. */
  readonly gap: RefusedError | null;
  readonly decisions: readonly AnnotatedDecision[];
}

class Looks {
  readonly #sightings = new Sightings();

  constructor(private readonly ports: AnnotationPorts) {}

  async look(): Promise<void> {
    const open = this.ports.book.listOpen();
    if (open.length === 0) {
      this.#sightings.forget();
      return;
    }
    const { gap, decisions } = await this.#see(open);
    const believed = this.#sightings.look(decisions.map(keyOf), gap === null);
    // Not before: what is written from now on will be believed.
    if (!gap) this.ports.health.report(PART, "ok", "the API server holds the names on decisions");
    const failures: unknown[] = [];
    for (const decision of decisions) {
      const doubt = gap ?? (believed.has(keyOf(decision)) ? null : tooEarly());
      await this.#answer(decision, doubt).catch((error) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0]; // they are still there, and as believable, at the next look
  }

  /** First the guard, then what there is: what is not there yet will be written under it. */
  async #see(open: readonly ExecutionRecord[]): Promise<Seen> {
    try {
      const gap = await this.#findGap(open);
      return { gap, decisions: await this.ports.annotations.list() };
    } catch (error) {
      this.#sightings.forget();
      throw error;
    }
  }

  async #findGap(open: readonly ExecutionRecord[]): Promise<RefusedError | null> {
    const { annotations, health } = this.ports;
    for (const { id } of open) {
      try {
        await annotations.assertGuarded(id);
        return null;
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
        if (error.code === "not_found") continue; // somebody deleted it
        if (error.code !== "approver_unproven") throw error;
        health.report(PART, "stalled", describeError(error));
        return error;
      }
    }
    return tooEarly();
  }

  async #answer(decision: AnnotatedDecision, doubt: RefusedError | null): Promise<void> {
    const { annotations, audit, logger } = this.ports;
    const { executionId } = decision;
    let answer: string;
    try {
      if (doubt) throw doubt;
      await annotations.assertGuarded(executionId);
      answer = `taken: ${(await this.#decide(decision)).reason}`;
    } catch (error) {
      if (!isFinal(error)) throw error;
      const { code, message } = error;
      const said = decision.annotations[DECISION.approveAs] ?? "";
      await audit.record({
        type: "approval.refused",
        actor: "connector",
        subject: executionId,
        data: { approveAs: said.slice(0, MAX_USER).toWellFormed(), code, reason: message },
      });
      answer = `refused: ${describeError(error)}`;
    }
    logger.log("info", "decision_answered", { execution: executionId, answer });
    if (await annotations.answer(decision, answer)) this.#sightings.gone(keyOf(decision));
  }

  async #decide(decision: AnnotatedDecision): Promise<ExecutionRecord> {
    const { approvals, approvers } = this.ports;
    const said = parseDecision(decision);
    const person = approvers.byKubernetesUser(said.user);
    const { executionId } = decision;
    return "reason" in said
      ? await approvals.reject(executionId, person, said.reason)
      : await approvals.approve(executionId, said.planDigest, person, said.atMs);
  }
}

/** Without its time, which others may change where they may change nothing of the decision. */
function keyOf({ executionId, annotations }: AnnotatedDecision): string {
  return canonicalJson({ executionId, annotations });
}

function tooEarly(): RefusedError {
  return new RefusedError(
    "approver_unproven",
    "It was there before this connector looked, perhaps from when nobody guarded the name on it",
    { hint: "write it again" },
  );
}

/** Whether another look would find the same. */
function isFinal(error: unknown): error is RefusedError | InvalidInputError {
  return (error instanceof RefusedError || error instanceof InvalidInputError) &&
    !NOT_SETTLED.includes(error.code);
}
