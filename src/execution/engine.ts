/**
 * Drives open executions to their ends. Two lanes: one plans and retires, one writes to the cluster,
 * one package at a time, so that a long health wait keeps nobody from seeing the next plan.
 */
import {
  ConnectorError,
  describeError,
  InvalidInputError,
  RefusedError,
  TransientError,
} from "../errors.ts";
import { backoffMs } from "../core/backoff.ts";
import { type ExecutionRecord, hasBegun } from "../core/execution.ts";
import type { HealthBoard } from "../core/health.ts";
import type { ExecutionState } from "../core/protocol.ts";
import type { Logger } from "../log.ts";
import { apply, type ApplyingParts, carryOut } from "./applying.ts";
import { makePlan, type Planned } from "./planning.ts";
import { rollBack } from "./rolling_back.ts";

const IDLE_MS = 1000;
const HEALTH_PART = "executions";

export interface EngineParts extends ApplyingParts {
  readonly log: Logger;
  readonly health: HealthBoard;
}

export class Engine {
  /** The execution that was taken up last, by state: one that cannot go on must not hold up the others. */
  readonly #taken = new Map<ExecutionState, string>();

  /** Approved executions that wait for a window of the policy: when it opens, epoch ms. */
  readonly #opens = new Map<string, number>();

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
      const { moves } = this.parts.book;
      try {
        const worked = this.parts.leadership.isLeader() && await step();
        if (failures > 0) this.parts.health.report(HEALTH_PART, "ok", "ready");
        failures = 0;
        if (!worked) await this.#idle(moves, signal);
      } catch (error) {
        if (signal.aborted) return;
        // Another lane, a person or the next leader was faster: what there is to do is another matter now.
        if (codeOf(error) === "not_leader") await this.#idle(moves, signal);
        else await this.#pause(error, failures++, signal);
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
    const reason = describeError(error);
    const level = error instanceof ConnectorError ? "warn" : "error";
    this.parts.health.report(HEALTH_PART, "degraded", reason);
    this.parts.log.log(level, "execution_step_failed", { reason });
    const after = error instanceof TransientError ? error.retryAfterMs : undefined;
    const pauseMs = backoffMs(failures, this.parts.random.fraction(), after);
    await this.parts.clock.sleep(pauseMs, signal).catch(() => {});
  }

  async #planNext(): Promise<boolean> {
    const { book, policy } = this.parts;
    await book.issueOwed();
    for (const record of book.listOpen()) if (await this.#retire(record)) return true;
    const record = this.#next("accepted");
    if (!record) return false;
    const planned = await this.#planOrRefuse(record);
    if (!planned) return true;
    const { plan, needsApproval } = planned;
    await (needsApproval
      ? book.move(record, "pending_approval", personsWanted(policy().approval.count), { plan })
      : book.move(record, "approved", "the policy's auto mode allows it", { plan }));
    return true;
  }

  async #writeNext(signal: AbortSignal): Promise<boolean> {
    // What a crash interrupted comes first: it holds the cluster half changed.
    const begun = this.parts.book.listOpen().find(({ state }) => hasBegun(state));
    if (begun) {
      const goOn = begun.state === "rolling_back" ? rollBack : carryOut;
      await goOn(begun, this.parts, signal);
      return true;
    }
    const record = this.#next("approved");
    if (!record) return false;
    if (await this.#retire(record)) return true;
    const planned = await this.#planOrRefuse(record);
    if (!planned) return true;
    // Not planned again and again until then; a restart, or another policy, forgets the time.
    if (planned.opensAtMs === null) this.#opens.delete(record.id);
    else this.#opens.set(record.id, planned.opensAtMs);
    await apply(record, planned, this.parts, signal);
    return true;
  }

  /** Ends what must no longer begin; whether it did. */
  async #retire(record: ExecutionRecord): Promise<boolean> {
    if (hasBegun(record.state)) return false;
    const { book, clock } = this.parts;
    if (clock.now() >= record.expiresAtMs) {
      await book.move(record, "expired", "expired before it was carried out", { code: "expired" });
      return true;
    }
    // The intake does this at once; here it is made good after a crash in between.
    const highest = book.highestSequence(record.stream);
    if (highest === null || highest <= record.sequence) return false;
    await book.move(record, "superseded", `sequence ${highest} of the stream has come since`);
    return true;
  }

  /** Null when the record was refused. Throws what may pass. */
  async #planOrRefuse(record: ExecutionRecord): Promise<Planned | null> {
    try {
      return await makePlan(record, this.parts);
    } catch (error) {
      if (!(error instanceof ConnectorError) || mayPass(error)) throw error;
      await this.parts.book.move(record, "refused", error.message, { code: error.code });
      return null;
    }
  }

  /** Of those that need not wait for a window, the oldest in this state, or the one after that which was taken up last. */
  #next(state: "accepted" | "approved"): ExecutionRecord | undefined {
    const nowMs = this.parts.clock.now();
    const records = this.parts.book.listOpen()
      .filter((record) => record.state === state && (this.#opens.get(record.id) ?? 0) <= nowMs);
    const last = records.findIndex(({ id }) => id === this.#taken.get(state));
    const record = records[last + 1] ?? records[0];
    if (record) this.#taken.set(state, record.id);
    return record;
  }
}

/** The package is not to blame; a refusal for want of rights is told to its sender, who can send it again. */
function mayPass(error: ConnectorError): boolean {
  if (error instanceof RefusedError) return error.code === "not_leader";
  if (error instanceof InvalidInputError) return error.code === "malformed_answer";
  return error.code !== "access_denied";
}

function personsWanted(count: number): string {
  return count === 1 ? "a person must approve the plan" : `${count} persons must approve the plan`;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof ConnectorError ? error.code : undefined;
}
