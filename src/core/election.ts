/**
 * Who leads, decided over one Lease with the rules of client-go's LeaderElector. No timestamp of another
 * machine is trusted: a holder counts as gone once our own monotonic clock has seen its Lease unchanged
 * for the lease's duration, and counts itself as leader for a shorter time, from before it asked. So two
 * never lead at once as long as no clock runs `leaseDuration / renewDeadline` times as fast as another.
 */
import { type LeaseRecord, released, takenBy } from "./lease_record.ts";

export interface ElectionTimes {
  /** Others wait so long after they last saw the Lease change. */
  readonly leaseDurationMs: number;
  /** The holder trusts itself so long after it sent what renewed the Lease. */
  readonly renewDeadlineMs: number;
  /** Between two attempts. */
  readonly retryPeriodMs: number;
}

/** A pause is up to so many times as long as asked for, so that candidates do not keep in step. */
export const RETRY_JITTER = 1.2;

/** What is wrong with these times; null when they hold. */
export function faultOfTimes(times: ElectionTimes): string | null {
  const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = times;
  if (leaseDurationMs <= renewDeadlineMs) return "leaseDuration must be longer than renewDeadline";
  if (renewDeadlineMs > retryPeriodMs * RETRY_JITTER) return null;
  return `renewDeadline must be longer than ${RETRY_JITTER} × retryPeriod`;
}

export function retryPauseMs({ retryPeriodMs }: ElectionTimes, fraction: number): number {
  return retryPeriodMs * (1 + (RETRY_JITTER - 1) * fraction);
}

interface Sighting {
  readonly record: LeaseRecord;
  /** The Lease's resourceVersion: no two states of it look alike. */
  readonly version: string;
  /** When it was first seen, on our monotonic clock. */
  readonly sinceMs: number;
  /** It is in our name, and not from us nor from before we began: a second process has our identity. */
  readonly isTwins: boolean;
}

/** One candidate's view of the Lease. All times are of its own monotonic clock unless they say `wall`. */
export class Candidate {
  #seen: Sighting | null = null;
  /** When the request was sent that last won or renewed the Lease. */
  #sentMs = -Infinity;
  #counts = false;
  /** Renew times by which a record is known as one of ours, even if we never got the answer. */
  readonly #ours = new Set<string>();

  constructor(readonly identity: string, private readonly times: ElectionTimes) {}

  /** Whose the Lease was when it was last seen; "" for nobody's. */
  get holder(): string {
    return this.#seen?.record.holderIdentity ?? "";
  }

  get record(): LeaseRecord | null {
    return this.#seen?.record ?? null;
  }

  /**
   * @param found null when there is no Lease
   * @param atMs when the answer had come: any earlier moment might be before that state began
   */
  observe(found: { record: LeaseRecord; version: string } | null, atMs: number): void {
    // One that was deleted says nothing of its holder, which may not know yet: what was seen stands.
    if (found && found.version !== this.#seen?.version) {
      this.#seen = { ...found, sinceMs: atMs, isTwins: this.#isTwins(found.record) };
    }
    if (!found || !this.#isOurs()) this.#counts = false;
  }

  /** Whether another process leads under our own identity. */
  get hasTwin(): boolean {
    return this.#seen?.isTwins ?? false;
  }

  /** From when on it may bid, should nobody change the Lease until then; -Infinity for at once. */
  get freeAtMs(): number {
    if (!this.#seen || this.#seen.record.holderIdentity === "" || this.#isOurs()) return -Infinity;
    const { record: { leaseDurationSeconds }, sinceMs } = this.#seen;
    // The longer of what the holder promised and what this site is configured for.
    return sinceMs + Math.max(leaseDurationSeconds * 1000, this.times.leaseDurationMs);
  }

  /** The record to write now; null while someone else has the Lease. */
  bid(nowMs: number, wallMs: number): LeaseRecord | null {
    if (nowMs < this.freeAtMs) return null;
    const { leaseDurationMs } = this.times;
    const record = takenBy(this.identity, this.#seen?.record ?? null, leaseDurationMs, wallMs);
    this.#ours.add(record.renewTime);
    return record;
  }

  /** The bid was stored. It extends trust that still holds; where there is none, `trust` begins it. */
  won(stored: { record: LeaseRecord; version: string }, sentMs: number, atMs: number): void {
    if (!this.isTrusted(atMs)) this.#counts = false;
    this.#seen = { ...stored, sinceMs: atMs, isTwins: false };
    this.#sentMs = sentMs;
    // An earlier bid can no longer be stored: it was for a state that is gone.
    this.#ours.clear();
    this.#ours.add(stored.record.renewTime);
  }

  trust(): void {
    this.#counts = true;
  }

  distrust(): void {
    this.#counts = false;
  }

  /** Whether it leads. */
  isTrusted(nowMs: number): boolean {
    return this.#counts && nowMs < this.trustEndsMs;
  }

  get trustEndsMs(): number {
    return this.#sentMs + this.times.renewDeadlineMs;
  }

  /** Before that nobody else leads. */
  get leaseEndsMs(): number {
    return this.#sentMs + this.times.leaseDurationMs;
  }

  /** The record by which it lets the next one in; null where the Lease is not its own. */
  resignation(wallMs: number): LeaseRecord | null {
    return this.#seen && this.#isOurs() ? released(this.#seen.record, wallMs) : null;
  }

  #isOurs(): boolean {
    return this.#seen?.record.holderIdentity === this.identity && !this.#seen.isTwins;
  }

  #isTwins({ holderIdentity, renewTime }: LeaseRecord): boolean {
    // What is there at first is from before a restart; the lock of the state directory vouches for that.
    if (holderIdentity !== this.identity || !this.#seen) return false;
    if (renewTime === this.#seen.record.renewTime) return this.#seen.isTwins;
    return !this.#ours.has(renewTime);
  }
}
