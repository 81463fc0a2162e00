/** So much of history per time, on a clock that nobody can step. */
import type { Clock } from "../runtime.ts";

/** What small windows lose to timers that wake late is made up for, within so much. */
const BURST_MS = 1000;

export class Throttle {
  #nextMs = -Infinity;

  /** @param speed how many times faster than real time */
  constructor(private readonly clock: Pick<Clock, "monotonic">, private readonly speed: number) {}

  /** How long to wait; 0 when a window may go now. */
  get leftMs(): number {
    return Math.max(0, this.#nextMs - this.clock.monotonic());
  }

  /** A window for so much time begins now. */
  begin(durationMs: number): void {
    const fromMs = Math.max(this.#nextMs, this.clock.monotonic() - BURST_MS);
    this.#nextMs = fromMs + durationMs / this.speed;
  }
}
