/** What has failed and is left alone for a while: longer with each failure, until it moves on. */
import { backoffMs } from "../core/backoff.ts";
import type { Clock, Random } from "../runtime.ts";

const SHORT_MS = 1000;

interface Rest {
  /** Of what has failed: another version is another matter. */
  readonly version: string;
  readonly failures: number;
  /** On the monotonic clock. */
  readonly untilMs: number;
  /** null for what is nobody's fault. */
  readonly reason: string | null;
}

export class Rests {
  readonly #rests = new Map<string, Rest>();

  constructor(private readonly clock: Clock, private readonly random: Random) {}

  /** @param afterMs as the peer asked, where it did */
  begin(key: string, version: string, reason: string | null, afterMs?: number): void {
    const before = this.#rests.get(key);
    const failures = before?.version === version ? before.failures + 1 : 0;
    const pauseMs = reason === null
      ? SHORT_MS
      : backoffMs(failures, this.random.fraction(), afterMs);
    const untilMs = this.clock.monotonic() + pauseMs;
    this.#rests.set(key, { version, failures, untilMs, reason });
  }

  end(key: string): void {
    this.#rests.delete(key);
  }

  isResting(key: string, version: string): boolean {
    const rest = this.#rests.get(key);
    return rest?.version === version && this.clock.monotonic() < rest.untilMs;
  }

  keepOnly(isKept: (key: string) => boolean): void {
    for (const key of this.#rests.keys()) if (!isKept(key)) this.#rests.delete(key);
  }

  get isEmpty(): boolean {
    return this.#rests.size === 0;
  }

  /** Until the first rest is over; Infinity without one. */
  leftMs(): number {
    const now = this.clock.monotonic();
    const left = [...this.#rests.values()].map(({ untilMs }) => untilMs - now);
    return Math.min(...left.filter((ms) => ms > 0), Infinity);
  }

  /** Of what has failed and has not gone well since; null when all is well. */
  reason(): string | null {
    for (const { reason } of this.#rests.values()) if (reason) return reason;
    return null;
  }
}
