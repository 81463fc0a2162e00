/**
 * Which series of a query may be sent, where there are more than may. Who is in stays in from window to
 * window, so that what arrives are whole series, not ever other parts of some; who was not seen for a while
 * makes room. Of new ones the first to come are let in, in the order of the answer: by their labels.
 */
import type { Window } from "../windows.ts";

/** Longer than Prometheus itself looks back for a sample: a scrape that failed costs nobody the place. */
const FORGET_MS = 10 * 60_000;
const FORGET_WINDOWS = 3;
/** Whole minutes of the epoch fit into 31 bits, which a Map holds without a box for each. */
const MINUTE_MS = 60_000;

export class Admission {
  /** When a series was last seen, as the newest minute then was; by its key, at most `maxSeries`. */
  readonly #places = new Map<string, number>();
  /** Of all windows so far: one from a backlog does not make its series old. */
  #newestMinute = 0;

  constructor(private readonly maxSeries: number) {}

  /** How many series have a place. */
  get size(): number {
    return this.#places.size;
  }

  /** Call before a window's series: those not seen for long before it leave. */
  open({ startMs, endMs, stepMs }: Window): void {
    const forgetMs = Math.max(FORGET_MS, FORGET_WINDOWS * (endMs - startMs + stepMs));
    const oldest = Math.floor((startMs - forgetMs) / MINUTE_MS);
    this.#newestMinute = Math.max(this.#newestMinute, Math.floor(endMs / MINUTE_MS));
    for (const [key, seen] of this.#places) if (seen < oldest) this.#places.delete(key);
  }

  /** Whether a series of the window may be sent. Asked again for the same window, the answer is the same. */
  admit(key: string): boolean {
    if (!this.#places.has(key) && this.#places.size >= this.maxSeries) return false;
    this.#places.set(key, this.#newestMinute);
    return true;
  }
}
