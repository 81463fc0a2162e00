/**
 * The time up to which the source can have data: the earlier of our clock and the source's own.
 * Were our clock stepped forward alone, empty windows would be acknowledged before their data exist,
 * or a whole backlog given up as too old.
 */
import type { Clock } from "../runtime.ts";

/** The Date header names whole seconds, rounded down. */
const DATE_RESOLUTION_MS = 1000;

export class SignalsTime {
  /** The source's clock minus our monotonic one. */
  #offsetMs: number | null = null;

  constructor(private readonly clock: Clock) {}

  get knowsSource(): boolean {
    return this.#offsetMs !== null;
  }

  /** @param sourceTimeMs null when the source names no time; our own clock is all there is then */
  observe(sourceTimeMs: number | null): void {
    this.#offsetMs = sourceTimeMs === null
      ? Infinity
      : sourceTimeMs + DATE_RESOLUTION_MS - this.clock.monotonic();
  }

  now(): number {
    const ours = this.clock.now();
    if (this.#offsetMs === null) return ours;
    return Math.min(ours, this.clock.monotonic() + this.#offsetMs);
  }

  /** How far our clock is ahead of the source's; 0 when it is not. */
  get aheadMs(): number {
    return this.clock.now() - this.now();
  }
}
