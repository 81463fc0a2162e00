/** One time of leading: it ends when its deadline passes unrenewed, or when somebody ends it. */
import { RefusedError } from "../errors.ts";
import type { Candidate } from "../core/election.ts";
import type { Term } from "../execution/leadership.ts";
import type { Clock } from "../runtime.ts";

export class LeaseTerm implements Term {
  readonly #ending = new AbortController();
  #unsettledUntilMs = -Infinity;

  constructor(private readonly clock: Clock, private readonly candidate: Candidate) {
    this.#watch();
  }

  /** Aborts with RefusedError `not_leader`. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Asked of the clock: a timer may be late, and a process that slept learns of it only afterwards. */
  get isOver(): boolean {
    return this.signal.aborted || !this.candidate.isTrusted(this.clock.monotonic());
  }

  leftMs(): number {
    return this.isOver ? 0 : this.candidate.leaseEndsMs - this.clock.monotonic();
  }

  markUnsettled(): void {
    // What is under way was told to end by then.
    this.#unsettledUntilMs = Math.max(this.#unsettledUntilMs, this.candidate.leaseEndsMs);
  }

  /** Whether the next one may lead at once. */
  get isSettled(): boolean {
    return this.clock.monotonic() >= this.#unsettledUntilMs;
  }

  end(why: string): void {
    this.#ending.abort(
      new RefusedError("not_leader", `Leadership ended: ${why}`, {
        hint: "whether a write that was under way was done is looked at when it is taken up again",
      }),
    );
  }

  /** Apart from the renewals, so that one that hangs delays nothing. */
  async #watch(): Promise<void> {
    while (!this.isOver) {
      const leftMs = this.candidate.trustEndsMs - this.clock.monotonic();
      await this.clock.sleep(leftMs, this.signal).catch(() => {});
    }
    if (!this.signal.aborted) this.end("the Lease could not be renewed in time");
  }
}
