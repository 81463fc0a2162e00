/** Asks the source for one window, and sees that the answer is one that can be relied upon. */
import type { RangeAnswer, SignalsSource } from "../core/signals/range_answer.ts";
import type { SeriesHandler } from "../core/signals/series_handler.ts";
import { TransientError } from "../errors.ts";
import type { Window } from "../core/signals/windows.ts";
import type { SignalsTime } from "./signals_time.ts";

export type Fetched =
  | RangeAnswer
  /** The source's clock is behind: it cannot have the whole window yet. */
  | { readonly kind: "early" }
  | { readonly kind: "series_limit"; readonly detail: string };

export type WholeAnswer = Extract<Fetched, { kind: "series" }>;
export type Refusal = Exclude<Fetched, WholeAnswer>;

export interface FetchLimits {
  readonly maxSeries: number;
  readonly settleMs: number;
}

export class SignalsFetch {
  constructor(
    private readonly source: SignalsSource,
    private readonly time: SignalsTime,
    private readonly limits: FetchLimits,
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
    const { maxSeries, settleMs } = this.limits;
    if (this.time.now() < window.endMs + settleMs) return { kind: "early" };
    if (answer.series <= maxSeries) return answer;
    return {
      kind: "series_limit",
      detail: `${answer.series} series where signals.maxSeries allows ${maxSeries}`,
    };
  }

  /** Learns the source's clock from a query that costs it nothing. */
  async askTime(window: Window): Promise<void> {
    this.signal.throwIfAborted();
    const query = { expr: "vector(1)", window };
    const answer = await this.source.queryRange(query, IGNORE, this.signal);
    if (answer.kind === "timeout") throw new TransientError("timeout", answer.detail);
    this.time.observe(answer.kind === "series" ? answer.sourceTimeMs : null);
  }
}

const IGNORE: SeriesHandler = {
  begin: () => false,
  float: () => {},
  histogram: () => {},
  end: () => {},
  drain: () => Promise.resolve(),
};
