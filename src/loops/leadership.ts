/**
 * Holds the Lease, or waits for it. Leadership is a deadline on the monotonic clock, not a flag: it counts
 * from before the request that won or renewed the Lease was sent, and is over when that has been too long.
 */
import type { AuditData, AuditLog } from "../core/audit.ts";
import { CHAINS } from "../core/audit/register.ts";
import { Candidate, type ElectionTimes, retryPauseMs } from "../core/election.ts";
import type { HealthBoard } from "../core/health.ts";
import type { KubeObject } from "../core/kubernetes_object.ts";
import type { LeaseRecord } from "../core/lease_record.ts";
import { ConnectorError, describeError, TransientError } from "../errors.ts";
import type { Leadership, Term } from "../execution/leadership.ts";
import type { Logger } from "../log.ts";
import type { Clock, Random } from "../runtime.ts";
import { LeaseTerm } from "./lease_term.ts";
import { Standby } from "./standby.ts";

export interface StoredLease {
  readonly record: LeaseRecord;
  readonly version: string;
  /** The audit chains of all that ever held it, where the store keeps them. */
  readonly chains?: readonly string[];
  /** As it came, with what others keep in it. */
  readonly object: KubeObject;
}

/** Calls end within `timeoutMs`, one way or another. */
export interface LeaseStore {
  /** For people: `namespace/name`. */
  readonly name: string;
  /** null when there is none. */
  read(timeoutMs: number): Promise<StoredLease | null>;
  /** Replaces exactly `previous`, or creates the Lease for null. null when someone else was faster. */
  write(
    record: LeaseRecord,
    previous: StoredLease | null,
    timeoutMs: number,
  ): Promise<StoredLease | null>;
  /**
   * Each state after the one of this version, null for its deletion. Ends when the server ends it, after
   * `timeoutMs` at the latest; for more, read again. The signal breaks it off at any time.
   */
  watch(
    version: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): AsyncIterable<StoredLease | null>;
}

export interface ElectionPorts {
  readonly store: LeaseStore;
  readonly identity: string;
  readonly times: ElectionTimes;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly health: HealthBoard;
}

const PART = "leadership";
/** Of the renew deadline: one call that hangs leaves time for another. */
const TIMEOUT_SHARE = 0.5;

export class LeaderElection implements Leadership {
  readonly #candidate: Candidate;
  readonly #standby: Standby;
  /** Of the last attempt. */
  #trouble: ConnectorError | null = null;
  /** What the next write replaces. */
  #stored: StoredLease | null = null;
  /** Whether `#stored` is what the server has, as far as we can know. */
  #isCurrent = false;
  #term: LeaseTerm | null = null;
  /** What was logged last. */
  #told = "";

  constructor(private readonly ports: ElectionPorts) {
    const candidate = this.#candidate = new Candidate(ports.identity, ports.times);
    // That nobody does is over in a moment, and worth no line in every standby's log.
    const onSeen = () => candidate.holder && this.#standBy(`${candidate.holder} leads`);
    this.#standby = new Standby({ ...ports, candidate, onSeen });
  }

  isLeader(): boolean {
    return this.term() !== null;
  }

  term(): Term | null {
    return this.#term && !this.#term.isOver ? this.#term : null;
  }

  /** What the Lease says of ourselves is true only as long as we trust it. */
  holder(): string {
    const { holder, identity } = this.#candidate;
    return holder === identity && !this.isLeader() ? "" : holder;
  }

  /** The audit chains of all that are known to have led, as the Lease had them last. */
  chains(): readonly string[] {
    return this.#stored?.chains ?? [];
  }

  /**
   * Runs until the signal aborts; resolves then, and gives the Lease up.
   * @param lead what the leader does: runs until its signal aborts, begun anew for each term. What it
   * throws ends the election and is thrown on.
   */
  async run(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.ports.health.report(PART, "starting", "looks who leads");
    while (!signal.aborted) {
      if (await this.#campaign() && await this.#announce(signal)) await this.#lead(signal, lead);
      else if (this.#trouble) await this.#standby.backOff(this.#trouble, signal);
      else await this.#standby.follow(this.#stored, signal);
    }
  }

  /** One attempt to win or renew the Lease; whether it is ours now. */
  async #campaign(): Promise<boolean> {
    const { store, clock } = this.ports;
    this.#trouble = null;
    try {
      if (!this.#isCurrent) {
        this.#stored = await store.read(this.#timeoutMs());
        this.#candidate.observe(this.#stored, clock.monotonic());
      }
      this.#isCurrent = false;
      const bid = this.#candidate.bid(clock.monotonic(), clock.now());
      const sentMs = clock.monotonic();
      const stored = bid && await store.write(bid, this.#stored, this.#timeoutMs());
      if (!stored) {
        this.#standBy(bid ? "another was faster" : `${this.#candidate.holder} leads`);
        return false;
      }
      this.#stored = stored;
      this.#isCurrent = true;
      this.#candidate.won(stored, sentMs, clock.monotonic());
      if (this.isLeader()) this.ports.health.report(PART, "ok", "leads");
      return true;
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      this.#failed(error);
      return false;
    }
  }

  /** It counts only once the audit log has it; whoever cannot record it leaves the Lease to others. */
  async #announce(signal: AbortSignal): Promise<boolean> {
    const { clock, times, logger } = this.ports;
    try {
      const { leaseTransitions = 0 } = this.#candidate.record ?? {};
      await this.#record("leadership.acquired", { transitions: leaseTransitions });
      const chains = this.chains();
      if (chains.length > 0) await this.#record(CHAINS, { chains });
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      this.#failed(error);
      logger.log("error", "audit_failed", { reason: describeError(error) });
      await this.#release();
      await clock.sleep(times.leaseDurationMs, signal).catch(() => {});
      return false;
    }
    this.#candidate.trust();
    return true;
  }

  async #lead(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, random, times, health, logger, store } = this.ports;
    const term = new LeaseTerm(clock, this.#candidate);
    this.#term = term;
    this.#told = "";
    health.report(PART, "ok", "leads");
    logger.log("info", "leading", { lease: store.name, holder: this.holder() });
    const work = new AbortController();
    const broken = new AbortController();
    const over = AbortSignal.any([signal, term.signal, broken.signal]);
    const led = over.aborted
      ? Promise.resolve()
      : lead(work.signal).catch((error) => broken.abort(error));
    while (!over.aborted && !term.isOver) {
      await clock.sleep(retryPauseMs(times, random.fraction()), over).catch(() => {});
      if (!over.aborted) await this.#campaign();
    }
    work.abort(new DOMException("no longer leads", "AbortError"));
    // A write that is under way may still end well; it is broken off when the term is over.
    await led;
    await this.#stepDown(term);
    if (broken.signal.aborted) throw broken.signal.reason;
  }

  async #stepDown(term: LeaseTerm): Promise<void> {
    const { logger } = this.ports;
    const isOver = term.isOver;
    term.end(isOver ? "the Lease was lost" : "it was given up");
    this.#term = null;
    this.#candidate.distrust();
    const reason = (term.signal.reason as Error).message;
    try {
      await this.#record("leadership.lost", { reason, holder: this.holder() });
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      logger.log("error", "audit_failed", { reason: describeError(error) });
    }
    if (!isOver && term.isSettled) await this.#release();
    this.#standBy(reason);
  }

  /** Lets the next one in at once; should it fail, that one waits until the Lease has run out. */
  async #release(): Promise<void> {
    const { store, clock, logger } = this.ports;
    const record = this.#candidate.resignation(clock.now());
    this.#isCurrent = false;
    if (!record || !this.#stored) return;
    try {
      const stored = await store.write(record, this.#stored, this.#timeoutMs());
      if (stored) this.#candidate.observe(stored, clock.monotonic());
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      logger.log("warn", "lease_not_released", { reason: describeError(error) });
    }
  }

  #standBy(reason: string): void {
    const { health, logger, store } = this.ports;
    if (this.#term) {
      // Nothing may be done any more on the strength of what we had.
      if (this.#term.isOver) this.#term.end(reason);
      return;
    }
    const holder = this.holder();
    if (this.#candidate.hasTwin) {
      // The first of two may lead on; who finds that out gives way, and a person must tell them apart.
      health.report(
        PART,
        "stalled",
        `stands by: another process is ${this.ports.identity} as well`,
      );
    } else health.report(PART, "ok", `stands by; ${holder || "nobody"} leads${this.#standby.note}`);
    if (this.#isNews(holder + reason)) {
      logger.log("info", "standing_by", { lease: store.name, holder, reason });
    }
  }

  #failed(error: ConnectorError): void {
    const { health, logger } = this.ports;
    this.#trouble = error;
    const reason = describeError(error);
    const standing = this.isLeader() ? "still leads, but cannot renew" : "stands by";
    const state = error instanceof TransientError ? "degraded" : "stalled";
    health.report(PART, state, `${standing}: ${reason}`);
    if (this.#isNews(reason)) logger.log("warn", "election_failed", { reason });
  }

  /** An outage, or a long wait, is not worth a line every two seconds. */
  #isNews(what: string): boolean {
    const isNews = what !== this.#told;
    this.#told = what;
    return isNews;
  }

  async #record(type: string, data: AuditData): Promise<void> {
    const { audit, store, identity } = this.ports;
    await audit.record({
      type,
      actor: "connector",
      subject: store.name,
      data: { identity, ...data },
    });
  }

  #timeoutMs(): number {
    return this.ports.times.renewDeadlineMs * TIMEOUT_SHARE;
  }
}
