/**
 * Drives open executions to their ends. Two lanes: one plans and expires, one writes to the cluster,
 * one package at a time, so that a long health wait keeps nobody from seeing the next plan.
 */
import { ConnectorError, RefusedError, TransientError } from "../errors.ts";
import { backoffMs, DEFAULT_BACKOFF } from "../core/backoff.ts";
import type { ExecutionRecord } from "../core/execution.ts";
import type { HealthBoard } from "../core/health.ts";
import type { ExecutionState } from "../core/protocol.ts";
import type { Logger } from "../log.ts";
import { apply, type ApplyingParts, carryOut, rollBack } from "./applying.ts";
import { makePlan } from "./planning.ts";

const IDLE_MS = 1000;
const HEALTH_PART = "executions";
const NOT_BEGUN: readonly ExecutionState[] = ["accepted", "pending_approval", "approved"];

export interface EngineParts extends ApplyingParts {
  readonly log: Logger;
  readonly health: HealthBoard;
}

export class Engine {
  constructor(private readonly parts: EngineParts) {}

  /** Runs until the signal aborts; an execution in flight is left as the journal has it. */
  async run(signal: AbortSignal): Promise<void> {
    this.parts.health.report(HEALTH_PART, "ok", "ready");
    await Promise.all([
      this.#lane(signal, () => this.#planNext()),
      this.#lane(signal, () => this.#writeNext(signal)),
    ]);
  }

  /** @param step does one piece of work; false when there was none */
  async #lane(signal: AbortSignal, step: () => Promise<boolean>): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      try {
        const { moves } = this.parts.book;
        const worked = this.parts.leadership.isLeader() && await step();
        if (failures > 0) this.parts.health.report(HEALTH_PART, "ok", "ready");
        failures = 0;
        if (!worked) await this.#idle(moves, signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#pause(error, failures++, signal);
      }
    }
  }

  /** Until the book has moved on from `moves`, or for a moment. */
  async #idle(moves: number, signal: AbortSignal): Promise<void> {
    if (this.parts.book.moves !== moves) return;
    const waiting = new AbortController();
    const stop = this.parts.book.onMove(() => waiting.abort());
    try {
      await this.parts.clock.sleep(IDLE_MS, AbortSignal.any([signal, waiting.signal]));
    } catch {
      // Woken; the lane looks again whether there is work or an end.
    } finally {
      stop();
    }
  }

  async #pause(error: unknown, failures: number, signal: AbortSignal): Promise<void> {
    const reason = error instanceof Error ? error.message : String(error);
    const expected = error instanceof ConnectorError;
    this.parts.health.report(HEALTH_PART, "degraded", reason);
    this.parts.log.log(expected ? "warn" : "error", "execution_step_failed", { reason });
    const after = error instanceof TransientError ? error.retryAfterMs : undefined;
    const pauseMs = backoffMs(failures, this.parts.random.fraction(), after, DEFAULT_BACKOFF);
    await this.parts.clock.sleep(pauseMs, signal).catch(() => {});
  }

  async #planNext(): Promise<boolean> {
    const now = this.parts.clock.now();
    const overdue = this.parts.book.list().find((record) =>
      NOT_BEGUN.includes(record.state) && now >= record.expiresAtMs
    );
    if (overdue) {
      await this.parts.book.move(overdue.id, "expired", "expired before it was carried out", {
        code: "expired",
      });
      return true;
    }
    const accepted = this.#first("accepted");
    if (!accepted) return false;
    await this.#refusing(accepted, async () => {
      const { plan, package: { verdict } } = await makePlan(accepted, this.parts);
      await (verdict.approval === "required"
        ? this.parts.book.move(accepted.id, "pending_approval", "a person must approve the plan", {
          plan,
        })
        : this.parts.book.move(accepted.id, "approved", "the policy's auto mode allows it", {
          plan,
        }));
    });
    return true;
  }

  async #writeNext(signal: AbortSignal): Promise<boolean> {
    // What a crash interrupted comes first: it holds the cluster half changed.
    const reverting = this.#first("rolling_back");
    if (reverting) return await this.#done(rollBack(reverting, this.parts, signal));
    const applying = this.#first("applying");
    if (applying) return await this.#done(carryOut(applying, this.parts, signal));
    const approved = this.#first("approved");
    if (!approved) return false;
    await this.#refusing(approved, () => apply(approved, this.parts, signal));
    return true;
  }

  /** Turns a refusal before the first write into the end of the execution; the rest is tried again. */
  async #refusing(record: ExecutionRecord, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const begun = !NOT_BEGUN.includes(this.parts.book.get(record.id).state);
      if (begun || !(error instanceof ConnectorError) || isPassing(error)) throw error;
      await this.parts.book.move(record.id, "refused", error.message, { code: error.code });
    }
  }

  async #done(work: Promise<void>): Promise<true> {
    await work;
    return true;
  }

  #first(state: ExecutionState): ExecutionRecord | undefined {
    return this.parts.book.list().find((record) => record.state === state);
  }
}

function isPassing(error: ConnectorError): boolean {
  return error instanceof TransientError ||
    (error instanceof RefusedError && ["not_leader", "audit_unavailable"].includes(error.code));
}
