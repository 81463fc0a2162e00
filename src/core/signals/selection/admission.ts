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
  /** The minute in which a series was last seen, by its key. Never more than `maxSeries`. */
  readonly #places = new Map<string, number>();

  constructor(private readonly maxSeries: number) {}

  /** How many series have a place. */
  get size(): number {
    return this.#places.size;
  }

  /** Call before a window's series: those not seen for long before it leave. */
  open({ startMs, endMs, stepMs }: Window): void {
    const spanMs = endMs - startMs + stepMs;
    const forgetMs = Math.max(FORGET_MS, FORGET_WINDOWS * spanMs);
    const oldest = Math.floor((startMs - forgetMs) / MINUTE_MS);
    for (const [key, seen] of this.#places) if (seen < oldest) this.#places.delete(key);
  }

  /** Whether a series of the window may be sent. Asked again for the same window, the answer is the same. */
  admit(key: string, { endMs }: Window): boolean {
    const minute = Math.floor(endMs / MINUTE_MS);
    const seen = this.#places.get(key);
    if (seen === undefined && this.#places.size >= this.maxSeries) return false;
    // A window from a backlog does not make a series older than it is.
    if (seen === undefined || seen < minute) this.#places.set(key, minute);
    return true;
  }
}
