/** Asks the source for one window, and sees that the answer is one that can be relied upon. */
import type { RangeAnswer, SignalsSource } from "../core/signals/range_answer.ts";
import { TransientError } from "../errors.ts";
import type { Window } from "../core/signals/windows.ts";
import type { SignalsTime } from "./signals_time.ts";

export type Fetched =
  | RangeAnswer
  /** The source's clock is behind: it cannot have the whole window yet. */
  | { readonly kind: "early" }
  | { readonly kind: "series_limit"; readonly detail: string };

export type Matrix = Extract<Fetched, { kind: "series" }>;
export type Refusal = Exclude<Fetched, Matrix>;

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

  /** Throws what the source throws: TransientError, StalledError, InvalidInputError. */
  async ask(expr: string, window: Window): Promise<Fetched> {
    this.signal.throwIfAborted();
    const answer = await this.source.queryRange({ expr, window }, this.signal);
    if (answer.kind !== "series") return answer;
    this.time.observe(answer.sourceTimeMs);
    const { maxSeries, settleMs } = this.limits;
    if (this.time.now() < window.endMs + settleMs) return { kind: "early" };
    if (answer.series.length <= maxSeries) return answer;
    return {
      kind: "series_limit",
      detail: `${answer.series.length} series where signals.maxSeries allows ${maxSeries}`,
    };
  }

  /** Learns the source's clock from a query that costs it nothing. */
  async askTime(window: Window): Promise<void> {
    this.signal.throwIfAborted();
    const answer = await this.source.queryRange({ expr: "vector(1)", window }, this.signal);
    if (answer.kind === "timeout") throw new TransientError("timeout", answer.detail);
    this.time.observe(answer.kind === "series" ? answer.sourceTimeMs : null);
  }
}
