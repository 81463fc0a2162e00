/**
 * Drives open executions to their ends: those that overlap one after the other, oldest first, the others
 * side by side. Who may go is decided in src/core/dispatch.ts; here it is done.
 */
import {
  ConnectorError,
  describeError,
  InvalidInputError,
  RefusedError,
  TransientError,
} from "../errors.ts";
import { type Claim, claimOf } from "../core/claim.ts";
import { dispatch } from "../core/dispatch.ts";
import { type ExecutionRecord, hasBegun, type PackageMaterial } from "../core/execution.ts";
import type { HealthBoard } from "../core/health.ts";
import type { Policy } from "../core/policy.ts";
import { targetsOf } from "../core/work_package.ts";
import type { Logger } from "../log.ts";
import {
  apply,
  applyAtOnce,
  type ApplyingParts,
  AUTO_REASON,
  carryOut,
  waitsFor,
} from "./applying.ts";
import { makePlan, type Planned } from "./planning.ts";
import { Rests } from "./rests.ts";
import { rollBack } from "./rolling_back.ts";
import { packageOf } from "./stages.ts";

/** Between two looks at the clock, while something open may have its hour. */
const WATCHFUL_MS = 1000;
/** While nothing is open: whatever comes wakes it. */
const IDLE_MS = 60_000;
const HEALTH_PART = "executions";
const MAX_PLANNING = 4;
const RECEIPTS = "receipts";

export interface EngineParts extends ApplyingParts {
  readonly log: Logger;
  readonly health: HealthBoard;
  /** Packages that are carried out side by side. */
  readonly maxParallel: number;
}

export class Engine {
  readonly #running = new Map<string, { slot: "planning" | "writing"; end: Promise<void> }>();
  readonly #claims = new Map<string, Claim>();
  readonly #rests: Rests;
  /** The plan of the package that is being put on record right now. */
  #ahead: { readonly id: string; readonly planned: Promise<Planned> } | null = null;
  /** Counts what may have made work possible, so that none is slept through. */
  #events = 0;
  #wake: () => void = () => {};
  /** Approved executions that wait for a window of the policy: when it opens, epoch ms. */
  readonly #opens = new Map<string, number>();

  constructor(private readonly parts: EngineParts) {
    this.#rests = new Rests(parts.clock, parts.random);
  }

  /**
   * Plans a package while it is still being put on record, where nothing is under way that could change
   * what it finds. Only looks; without the record nothing comes of it.
   */
  planAhead(record: ExecutionRecord, pack: PackageMaterial): void {
    if (this.#running.size > 0 || !this.parts.leadership.isLeader()) return;
    const planned = makePlan(record, pack, this.parts);
    // What went wrong is found again when it is planned in its turn.
    planned.catch(() => {});
    this.#ahead = { id: record.id, planned };
  }

  /** Runs until the signal aborts; an execution in flight is left as the journal has it. */
  async run(signal: AbortSignal): Promise<void> {
    this.parts.health.report(HEALTH_PART, "ok", "ready");
    const stop = this.parts.book.onMove(() => this.#notice());
    try {
      while (!signal.aborted) {
        const events = this.#events;
        if (this.parts.leadership.isLeader()) await this.#takeUp(signal);
        await this.#idle(events, signal);
      }
    } finally {
      stop();
      await Promise.allSettled([...this.#running.values()].map(({ end }) => end));
      await this.#ahead?.planned.catch(() => {});
    }
  }

  #notice(): void {
    this.#events += 1;
    this.#wake();
  }

  /** Until something has happened since `events`, or a rest is over, or for a moment. */
  async #idle(events: number, signal: AbortSignal): Promise<void> {
    if (this.#events !== events || signal.aborted) return;
    const waiting = new AbortController();
    this.#wake = () => waiting.abort();
    const { book, leadership } = this.parts;
    const isIdle = leadership.isLeader() && book.openCount === 0 && this.#rests.isEmpty;
    const ms = Math.min(isIdle ? IDLE_MS : WATCHFUL_MS, this.#rests.leftMs());
    await this.parts.clock.sleep(ms, AbortSignal.any([signal, waiting.signal])).catch(() => {});
    this.#wake = () => {};
  }

  async #takeUp(signal: AbortSignal): Promise<void> {
    const { book } = this.parts;
    if (!this.#rests.isResting(RECEIPTS, "")) {
      await this.#guarded(RECEIPTS, "", signal, async () => {
        await book.concludeOwed();
        this.#rests.end(RECEIPTS);
      });
    }
    for (const record of book.listOpen()) {
      if (this.#running.has(record.id) || this.#isResting(record)) continue;
      await this.#guarded(record.id, record.version, signal, async () => {
        await this.#retire(record);
        await this.#learnClaim(record);
      });
    }
    // From here on without a pause, so that what is decided still holds when it is begun.
    const open = book.listOpen();
    this.#forgetEnded(open);
    const { plan, write } = dispatch(
      open.flatMap((record) => {
        const { id, state } = record;
        // What waits for a window of the policy holds nobody up.
        if ((this.#opens.get(id) ?? 0) > this.parts.clock.now()) return [];
        const claim = this.#claims.get(id);
        const running = this.#running.get(id)?.slot ?? null;
        return claim ? [{ id, state, claim, running, isResting: this.#isResting(record) }] : [];
      }),
      { planning: MAX_PLANNING, writing: this.parts.maxParallel },
    );
    for (const record of open) {
      if (plan.includes(record.id)) this.#begin(record, "planning", signal);
      if (write.includes(record.id)) this.#begin(record, "writing", signal);
    }
  }

  #begin(record: ExecutionRecord, slot: "planning" | "writing", signal: AbortSignal): void {
    const { id } = record;
    if (this.#ahead?.id !== id) this.#ahead = null;
    const work = slot === "planning" ? this.#plan(record) : this.#carryOn(record, signal);
    const end = this.#guarded(id, record.version, signal, async () => {
      await work;
      this.#rests.end(id);
    }).then(() => {
      this.#running.delete(id);
      this.#notice();
    });
    this.#running.set(id, { slot, end });
  }

  /** Never throws: what failed rests for a while, and the others go on. */
  async #guarded(
    key: string,
    version: string,
    signal: AbortSignal,
    work: () => Promise<unknown>,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (signal.aborted) return;
      const after = error instanceof TransientError ? error.retryAfterMs : undefined;
      // A person or the next leader was faster, most likely: what there is to do is another matter then.
      const reason = codeOf(error) === "not_leader" ? null : describeError(error);
      this.#rests.begin(key, version, reason, after);
      const level = error instanceof ConnectorError ? "warn" : "error";
      if (reason) this.parts.log.log(level, "execution_step_failed", { execution: key, reason });
    }
    this.#reportHealth();
  }

  #reportHealth(): void {
    const reason = this.#rests.reason();
    this.parts.health.report(HEALTH_PART, reason ? "degraded" : "ok", reason ?? "ready");
  }

  async #plan(record: ExecutionRecord): Promise<void> {
    const planned = await this.#planOrRefuse(record);
    if (!planned) return;
    const { plan, needsApproval } = planned;
    const { book } = this.parts;
    await (needsApproval
      ? book.move(record, "pending_approval", personsWanted(this.parts.policy()), { plan })
      : book.move(record, "approved", AUTO_REASON, { plan }));
  }

  async #carryOn(record: ExecutionRecord, signal: AbortSignal): Promise<void> {
    if (record.state === "rolling_back") return await rollBack(record, this.parts, signal);
    if (record.state === "applying") return await carryOut(record, this.parts, signal);
    const planned = await this.#plannedAhead(record) ?? await this.#planOrRefuse(record);
    if (!planned) return;
    const { plan, needsApproval, opensAtMs } = planned;
    if (record.state === "approved") {
      // Not planned again and again until then; a restart, or another policy, forgets the time.
      if (opensAtMs === null) this.#opens.delete(record.id);
      else this.#opens.set(record.id, opensAtMs);
      return await apply(record, planned, this.parts, signal);
    }
    const { book } = this.parts;
    if (needsApproval) {
      await book.move(record, "pending_approval", personsWanted(this.parts.policy()), { plan });
    } else if (opensAtMs === null) await applyAtOnce(record, planned, this.parts, signal);
    else await book.move(record, "approved", waitsFor(opensAtMs), { plan });
  }

  /** null where there is no such plan, or another package has been taken up since. */
  async #plannedAhead({ id, state }: ExecutionRecord): Promise<Planned | null> {
    const ahead = this.#ahead;
    this.#ahead = null;
    if (state !== "accepted" || ahead?.id !== id) return null;
    return await ahead.planned.catch(() => null);
  }

  /** Ends what must no longer begin. */
  async #retire(record: ExecutionRecord): Promise<void> {
    if (hasBegun(record.state)) return;
    const { book, clock } = this.parts;
    if (clock.now() >= record.expiresAtMs) return await this.#expire(record);
    // The intake does this at once; here it is made good after a crash in between.
    const head = book.head(record.stream);
    if (!head || head.sequence <= record.sequence) return;
    await book.move(record, "superseded", `sequence ${head.sequence} of the stream has come since`);
  }

  async #expire(record: ExecutionRecord): Promise<void> {
    const reason = "expired before it was carried out";
    await this.parts.book.move(record, "expired", reason, { code: "expired" });
  }

  async #learnClaim(record: ExecutionRecord): Promise<void> {
    if (this.#claims.has(record.id)) return;
    const targets = targetsOf(packageOf(await this.parts.book.package(record)));
    this.#claims.set(record.id, claimOf(record.stream, targets.map(({ ref }) => ref)));
  }

  #forgetEnded(open: readonly ExecutionRecord[]): void {
    const ids = new Set(open.map(({ id }) => id));
    for (const id of this.#claims.keys()) if (!ids.has(id)) this.#claims.delete(id);
    for (const id of this.#opens.keys()) if (!ids.has(id)) this.#opens.delete(id);
    this.#rests.keepOnly((key) => key === RECEIPTS || ids.has(key));
    this.#reportHealth();
  }

  #isResting({ id, version }: ExecutionRecord): boolean {
    return this.#rests.isResting(id, version);
  }

  /** Null when the record was refused. Throws what may pass. */
  async #planOrRefuse(record: ExecutionRecord): Promise<Planned | null> {
    try {
      return await makePlan(record, await this.parts.book.package(record), this.parts);
    } catch (error) {
      if (!(error instanceof ConnectorError) || mayPass(error)) throw error;
      // Its time ended since it was looked at.
      if (error.code === "expired") await this.#expire(record);
      else await this.parts.book.move(record, "refused", error.message, { code: error.code });
      return null;
    }
  }
}

/** The package is not to blame; a refusal for want of rights is told to its sender, who can send it again. */
function mayPass(error: ConnectorError): boolean {
  if (error instanceof RefusedError) return error.code === "not_leader";
  if (error instanceof InvalidInputError) return error.code === "malformed_answer";
  return error.code !== "access_denied";
}

function personsWanted({ approval: { count } }: Policy): string {
  return count === 1 ? "a person must approve the plan" : `${count} persons must approve the plan`;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof ConnectorError ? error.code : undefined;
}
