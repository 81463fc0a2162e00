/** Trying again for as long as it takes, with full jitter, while health says why. */
import { backoffMs } from "../core/backoff.ts";
import type { PartState } from "../core/protocol.ts";
import {
  describeError,
  InvalidInputError,
  RefusedError,
  StalledError,
  TransientError,
} from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Clock, Random } from "../runtime.ts";

/** How long to leave something that a person has to mend: no hammering, yet noticed soon. */
const STALLED_ATTEMPT = 6;

export class Patience {
  #attempt = 0;

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly log: Logger,
    private readonly report: (state: PartState, reason: string) => void,
    private readonly signal: AbortSignal,
  ) {}

  /** Call after every success: the next failure begins anew. */
  reset(): void {
    this.#attempt = 0;
  }

  /** Repeats `work` until it succeeds. Errors that time cannot mend, InvalidInputError too, pass through. */
  async until<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        const result = await work();
        this.reset();
        return result;
      } catch (error) {
        if (error instanceof InvalidInputError) throw error;
        await this.afterError(error);
      }
    }
  }

  /** Waits out an expected failure; rethrows a bug, or the reason of an abort. */
  async afterError(error: unknown): Promise<void> {
    this.signal.throwIfAborted();
    if (error instanceof TransientError) {
      await this.wait("degraded", describeError(error), error.retryAfterMs);
    } else if (error instanceof InvalidInputError) {
      await this.wait("degraded", describeError(error));
    } else if (error instanceof StalledError || error instanceof RefusedError) {
      this.#attempt = Math.max(this.#attempt, STALLED_ATTEMPT);
      await this.wait("stalled", describeError(error));
    } else {
      throw error;
    }
  }

  async wait(state: PartState, reason: string, retryAfterMs?: number): Promise<void> {
    this.report(state, reason);
    const delayMs = backoffMs(this.#attempt, this.random.fraction(), retryAfterMs);
    this.log.log("warn", "signals_retry", { attempt: this.#attempt, delayMs, reason });
    this.#attempt += 1;
    await this.clock.sleep(delayMs, this.signal);
  }
}
