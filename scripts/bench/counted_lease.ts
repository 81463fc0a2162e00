/** A Lease as an election uses it, with a count of what that asks of the API server. */
import type { KubernetesLease } from "../../src/adapters/kubernetes/lease.ts";
import type { LeaseRecord } from "../../src/core/lease_record.ts";
import type { LeaseStore, StoredLease } from "../../src/loops/leadership.ts";
import { WATCH_MS } from "../../src/loops/standby.ts";

export interface LeaseCalls {
  reads: number;
  watches: number;
  writes: number;
  /** Writes that came second. */
  conflicts: number;
  failures: number;
}

export function noCalls(): LeaseCalls {
  return { reads: 0, watches: 0, writes: 0, conflicts: 0, failures: 0 };
}

export class CountedLease implements LeaseStore {
  /**
   * @param calls shared by all of a process
   * @param isLongRunning whether its first watch is as far along as that of a standby of some days
   */
  constructor(
    private readonly lease: KubernetesLease,
    private readonly calls: LeaseCalls,
    private isLongRunning: boolean,
  ) {}

  get name(): string {
    return this.lease.name;
  }

  async read(timeoutMs: number): Promise<StoredLease | null> {
    this.calls.reads += 1;
    return await this.#noted(this.lease.read(timeoutMs));
  }

  async write(
    record: LeaseRecord,
    previous: StoredLease | null,
    timeoutMs: number,
  ): Promise<StoredLease | null> {
    this.calls.writes += 1;
    const stored = await this.#noted(this.lease.write(record, previous, timeoutMs));
    if (!stored) this.calls.conflicts += 1;
    return stored;
  }

  watch(version: string, timeoutMs: number, signal: AbortSignal) {
    this.calls.watches += 1;
    const lengthMs = this.isLongRunning ? restOfWatchMs() : timeoutMs;
    this.isLongRunning = false;
    return this.lease.watch(version, lengthMs, signal);
  }

  async #noted<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      this.calls.failures += 1;
      throw error;
    }
  }
}

/**
 * What is left, at any moment, of a watch that began some time ago. With it a measurement of minutes sees as
 * many watches end as one of days would: else all of them would be as new as the process.
 */
function restOfWatchMs(): number {
  for (;;) {
    const lengthMs = WATCH_MS.least + Math.random() * (WATCH_MS.most - WATCH_MS.least);
    // One that lasts longer is met more often.
    if (Math.random() * WATCH_MS.most < lengthMs) return Math.random() * lengthMs;
  }
}
