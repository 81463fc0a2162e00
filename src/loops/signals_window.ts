/**
 * Carries one window from the source to the receiver. Asks for less where an answer proves too much, and
 * gives up, in the ledger, what nobody will ever answer or take.
 */
import { makeGap } from "../core/signals/gap_ledger.ts";
import { countSteps, type Grid, type Window } from "../core/signals/windows.ts";
import type { SignalsDelivery } from "./signals_delivery.ts";
import type { Fetched, Matrix, Refusal, SignalsFetch } from "./signals_fetch.ts";
import type { OpenGaps } from "./signals_gaps.ts";
import type { Patience } from "./signals_patience.ts";
import type { SignalsQuery } from "./signals_ports.ts";
import type { Slots } from "./signals_slots.ts";

export interface WindowPorts {
  readonly query: SignalsQuery;
  readonly grid: Grid;
  readonly slots: Slots;
  readonly fetch: SignalsFetch;
  readonly delivery: SignalsDelivery;
  readonly gaps: OpenGaps;
  /** For the source: it goes on growing while windows are given up one after the other. */
  readonly pace: Patience;
  /** @param digest of the content that was sent: the same content has the same */
  readonly onCarried?: (window: Window, digest: string) => void;
}

export class SignalsWindow {
  /** Halved when a window proves too much; grows again slowly, so that refusals stay few. */
  #maxSteps: number;

  constructor(private readonly ports: WindowPorts) {
    this.#maxSteps = ports.grid.blockSteps;
  }

  /** How many points the next window may have. */
  get maxSteps(): number {
    return this.#maxSteps;
  }

  /**
   * True once all of the window is acknowledged, as data or as gaps. False after a failure was dealt
   * with, by waiting, by asking for less, or by giving the window up in the ledger: plan anew then.
   */
  async carry(window: Window): Promise<boolean> {
    const packed = await this.#ask(window, async (matrix) => {
      await this.ports.gaps.record(doubtsAbout(window, matrix));
      const piece = { window, series: matrix.series };
      return await this.ports.delivery.pack(piece, this.ports.gaps.within(window));
    });
    if (packed === null) return false;
    if (!await this.ports.delivery.send(packed) && !await this.#sendInPieces(window)) return false;
    this.ports.onCarried?.(window, packed.batchId);
    const grown = this.#maxSteps + Math.ceil(this.#maxSteps / 8);
    this.#maxSteps = Math.min(this.ports.grid.blockSteps, grown);
    return true;
  }

  /** False when the source no longer has the window; the plan starts over then. */
  async #sendInPieces(window: Window): Promise<boolean> {
    const gaps = await this.#ask(
      window,
      (matrix) => this.ports.delivery.sendInPieces({ window, series: matrix.series }),
    );
    if (gaps === null) return false;
    await this.ports.gaps.record(gaps);
    await this.ports.delivery.sendGaps(window, this.ports.gaps.within(window));
    return true;
  }

  /**
   * Asks for a window and works on the answer, holding a slot; null after any failure was dealt with.
   * The slot is given back before anyone waits for the source to recover.
   */
  async #ask<T>(window: Window, work: (matrix: Matrix) => Promise<T>): Promise<T | null> {
    let outcome: { done: T } | Refusal;
    try {
      outcome = await this.ports.slots.use(async () => {
        const fetched: Fetched = await this.ports.fetch.ask(this.ports.query.expr, window);
        return fetched.kind === "series" ? { done: await work(fetched) } : fetched;
      });
    } catch (error) {
      await this.ports.pace.afterError(error);
      return null;
    }
    if ("done" in outcome) {
      this.ports.pace.reset();
      return outcome.done;
    }
    await this.#yieldTo(outcome, window);
    return null;
  }

  /** Asks for less where that helps, and gives a window up where nothing does. */
  async #yieldTo(refusal: Refusal, window: Window): Promise<void> {
    const steps = countSteps(window);
    switch (refusal.kind) {
      case "early":
        return;
      case "too_large":
        this.#maxSteps = Math.ceil(steps / 2);
        if (steps > 1) return;
        await this.ports.gaps.record([makeGap(window, "too_large", refusal.detail)]);
        break;
      case "timeout":
        this.#maxSteps = Math.ceil(steps / 2);
        break;
      case "series_limit":
        await this.ports.gaps.record([makeGap(window, "series_limit", refusal.detail)]);
        break;
      case "rejected":
        await this.ports.gaps.record([makeGap(window, "source_error", refusal.detail)]);
        break;
    }
    await this.ports.pace.wait("degraded", `Prometheus did not answer: ${refusal.detail}`);
  }
}

/** Data that came with a warning are sent, and marked: they may be incomplete. */
function doubtsAbout(window: Window, { warnings, truncated }: Matrix) {
  if (!truncated && warnings.length === 0) return [];
  const detail = warnings.join("; ") || "the source marked the result as partial";
  return [makeGap(window, truncated ? "truncated" : "warning", detail)];
}
