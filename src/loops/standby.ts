/**
 * What a candidate does between two attempts. It follows the Lease by watch, so that a thousand of them
 * cost the API server next to no requests, until the Lease is free or has run out. Then, and whenever
 * the watch has ended or failed, the next attempt begins with a read: what a watch says, and above all its
 * silence, which a dead connection has as well, is no reason to write.
 */
import { backoffMs } from "../core/backoff.ts";
import { type Candidate, type ElectionTimes, retryPauseMs } from "../core/election.ts";
import { ConnectorError, describeError, TransientError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Clock, Random } from "../runtime.ts";
import type { LeaseStore, StoredLease } from "./leadership.ts";

export interface StandbyPorts {
  readonly store: LeaseStore;
  readonly candidate: Candidate;
  readonly times: ElectionTimes;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The candidate has observed what the watch said. */
  onSeen(): void;
}

/** A watch is as long as one of these, or anything between: many that began together do not end together. */
export const WATCH_MS = { least: 600_000, most: 1_200_000 } as const;
/** Rights are granted at any time, and seldom. */
const REFUSED_MS = 600_000;
/** Of the lease's duration: how often the Lease is read where it may not be watched. */
const POLL_SHARE = 1 / 3;

export class Standby {
  #failures = 0;
  #refusedUntilMs = -Infinity;
  /** Why it does not watch; "" while it does. */
  #hindrance = "";

  constructor(private readonly ports: StandbyPorts) {}

  /** For health: what is out of order; "" for nothing. */
  get note(): string {
    return this.#hindrance &&
      `; reads the Lease now and then, as it cannot watch it: ${this.#hindrance}`;
  }

  /** After an attempt that found another in possession, or faster. @param stored null when there is no Lease */
  async follow(stored: StoredLease | null, signal: AbortSignal): Promise<void> {
    const { clock, times, random } = this.ports;
    if (!stored) return await this.#pause(retryPauseMs(times, random.fraction()), signal);
    if (clock.monotonic() < this.#refusedUntilMs) return await this.#pauseForPoll(signal);
    try {
      const isDue = await this.#watch(stored.version, signal);
      if (!isDue) await this.#pause(random.fraction() * times.retryPeriodMs, signal);
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      this.#hinder(describeError(error));
      if (error.code !== "access_denied") return await this.backOff(error, signal);
      this.#refusedUntilMs = clock.monotonic() + REFUSED_MS;
      await this.#pauseForPoll(signal);
    }
  }

  /** After an attempt that failed: a thousand that lost their API server do not come back at once. */
  async backOff(error: ConnectorError, signal: AbortSignal): Promise<void> {
    const { times, random } = this.ports;
    const asked = error instanceof TransientError ? error.retryAfterMs : undefined;
    const bounds = { baseMs: times.retryPeriodMs, maxMs: times.leaseDurationMs };
    const pauseMs = backoffMs(this.#failures, random.fraction(), asked, bounds);
    this.#failures += 1;
    await this.#pause(pauseMs, signal);
  }

  /** Whether it is time to stand; false when the server ended the watch. */
  async #watch(version: string, signal: AbortSignal): Promise<boolean> {
    const { store, candidate, clock, random, onSeen } = this.ports;
    const leaving = new AbortController();
    const open = AbortSignal.any([signal, leaving.signal]);
    const lengthMs = WATCH_MS.least + random.fraction() * (WATCH_MS.most - WATCH_MS.least);
    const states = store.watch(version, lengthMs, open)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#untilDue(states.next(), signal);
        if (!next) return true;
        if (next.done) return false;
        this.#failures = 0;
        this.#hindrance = "";
        candidate.observe(next.value, clock.monotonic());
        onSeen();
      }
    } finally {
      leaving.abort(new DOMException("the watch was left", "AbortError"));
    }
  }

  /** What comes next; null when the Lease is free, or has run out, and stays so for a moment. */
  async #untilDue<T>(next: Promise<T>, signal: AbortSignal): Promise<T | null> {
    const { candidate, clock, random, times } = this.ports;
    next.catch(() => {});
    const nowMs = clock.monotonic();
    // All see it within milliseconds of each other. Whoever drew the shortest pause takes it, and its write
    // reaches the others before most of them have even asked.
    const pauseMs = random.fraction() * times.retryPeriodMs;
    const leftMs = Math.max(candidate.freeAtMs, nowMs) + pauseMs - nowMs;
    const arrived = new AbortController();
    const due = clock.sleep(leftMs, AbortSignal.any([signal, arrived.signal]))
      .then(() => null, () => null);
    try {
      return await Promise.race([next, due]);
    } finally {
      arrived.abort();
    }
  }

  #hinder(reason: string): void {
    if (reason !== this.#hindrance) this.ports.logger.log("warn", "lease_not_watched", { reason });
    this.#hindrance = reason;
  }

  async #pauseForPoll(signal: AbortSignal): Promise<void> {
    const { times, random } = this.ports;
    const periodMs = Math.max(times.leaseDurationMs * POLL_SHARE, times.retryPeriodMs);
    await this.#pause(
      retryPauseMs({ ...times, retryPeriodMs: periodMs }, random.fraction()),
      signal,
    );
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    await this.ports.clock.sleep(ms, signal).catch(() => {});
  }
}
