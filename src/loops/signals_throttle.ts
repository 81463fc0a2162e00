/** So much of history per time, on a clock that nobody can step. */
import type { Clock } from "../runtime.ts";

export class Throttle {
  #nextMs = -Infinity;

  /** @param speed how many times faster than real time */
  constructor(private readonly clock: Pick<Clock, "monotonic">, private readonly speed: number) {}

  /** How long to wait; 0 when a window may go now. */
  get leftMs(): number {
    return Math.max(0, this.#nextMs - this.clock.monotonic());
  }

  /** A window for so much time begins now. Time in which nothing was asked is not made up for. */
  begin(durationMs: number): void {
    this.#nextMs = Math.max(this.#nextMs, this.clock.monotonic()) + durationMs / this.speed;
  }
}
