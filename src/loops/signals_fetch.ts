/** Asks the source for one window, and sees that the answer is one that can be relied upon. */
import type { RangeAnswer, SignalsSource } from "../core/signals/range_answer.ts";
import { NO_SERIES, type SeriesHandler } from "../core/signals/series_handler.ts";
import { TransientError } from "../errors.ts";
import type { Window } from "../core/signals/windows.ts";
import type { SignalsTime } from "./signals_time.ts";

export type Fetched =
  | RangeAnswer
  /** The source's clock is behind: it cannot have the whole window yet. */
  | { readonly kind: "early" };

export type WholeAnswer = Extract<Fetched, { kind: "series" }>;
export type Refusal = Exclude<Fetched, WholeAnswer>;

export class SignalsFetch {
  constructor(
    private readonly source: SignalsSource,
    private readonly time: SignalsTime,
    private readonly settleMs: number,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * What the handler was given counts only when the answer is whole.
   * Throws what the source throws: TransientError, StalledError, InvalidInputError.
   */
  async ask(expr: string, window: Window, handler: SeriesHandler): Promise<Fetched> {
    this.signal.throwIfAborted();
    const answer = await this.source.queryRange({ expr, window }, handler, this.signal);
    if (answer.kind !== "series") return answer;
    this.time.observe(answer.sourceTimeMs);
    return this.time.now() < window.endMs + this.settleMs ? { kind: "early" } : answer;
  }

  /** Learns the source's clock from a query that costs it nothing. */
  async askTime(window: Window): Promise<void> {
    this.signal.throwIfAborted();
    const query = { expr: "vector(1)", window };
    const answer = await this.source.queryRange(query, NO_SERIES, this.signal);
    if (answer.kind === "timeout") throw new TransientError("timeout", answer.detail);
    this.time.observe(answer.kind === "series" ? answer.sourceTimeMs : null);
  }
}
