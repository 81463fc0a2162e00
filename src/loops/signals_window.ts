/**
 * Carries one window from the source to the receiver. Asks for less where an answer proves too much, and
 * gives up, in the ledger, what nobody will ever answer or take.
 */
import { sha256Hex } from "../core/encoding.ts";
import { makeGap } from "../core/signals/gap_ledger.ts";
import type { QuerySelection } from "../core/signals/selection/query_selection.ts";
import type { DroppedReason } from "../core/signals/selection/selection.ts";
import type { OutgoingBatch } from "../core/signals/series_handler.ts";
import { countSteps, type Grid, type Window } from "../core/signals/windows.ts";
import { InvalidInputError } from "../errors.ts";
import type { SignalsDelivery } from "./signals_delivery.ts";
import type { Refusal, SignalsFetch, WholeAnswer } from "./signals_fetch.ts";
import type { OpenGaps } from "./signals_gaps.ts";
import type { Patience } from "./signals_patience.ts";
import type { Slots } from "./signals_slots.ts";

export interface WindowPorts {
  readonly selection: QuerySelection;
  readonly grid: Grid;
  readonly slots: Slots;
  readonly fetch: SignalsFetch;
  readonly delivery: SignalsDelivery;
  readonly gaps: OpenGaps;
  /** For the source: it goes on growing while windows are given up one after the other. */
  readonly pace: Patience;
  /** Told of the series that a window left out, if any, once the gaps that say so are on the disk. */
  readonly onSelected: (window: Window, dropped: ReadonlyMap<DroppedReason, number>) => void;
  /** @param digest of the content that was sent: the same content has the same */
  readonly onCarried?: (window: Window, digest: string) => void;
}

/** What came of asking once more. */
export type Again = "unchanged" | "sent" | "dropped";

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
    const { gaps, delivery } = this.ports;
    const batches = await this.#fetch(window);
    if (batches === null) return false;
    const rejected = await delivery.sendAll(batches);
    if (rejected !== null) {
      await gaps.record(rejected);
      await delivery.sendGaps(window, gaps.within(window));
    }
    this.ports.onCarried?.(window, digestOf(batches));
    const grown = this.#maxSteps + Math.ceil(this.#maxSteps / 8);
    this.#maxSteps = Math.min(this.ports.grid.blockSteps, grown);
    return true;
  }

  /**
   * Asks once more for what is acknowledged, and sends it again where it is not what was sent. An answer
   * that is refused, incomplete or too large is dropped: what was sent stands. Null after a failure that may
   * pass; it was waited for.
   * @param digest of what was sent; undefined where that is not known
   */
  async carryAgain(window: Window, digest: string | undefined): Promise<Again | null> {
    const { slots, pace, delivery } = this.ports;
    let batches: readonly OutgoingBatch[] | Refusal;
    try {
      batches = await slots.use(() => this.#askAndPack(window, true));
    } catch (error) {
      await pace.afterError(error);
      return null;
    }
    pace.reset();
    if ("kind" in batches) return batches.kind === "early" ? null : "dropped";
    if (digestOf(batches) === digest) return "unchanged";
    let outcome: Again = "sent";
    for (const batch of batches) if (!await delivery.send(batch)) outcome = "dropped";
    return outcome;
  }

  /**
   * The window packed, its gaps on the disk, holding a slot meanwhile; null after any failure was dealt
   * with. The slot is given back before anyone waits for the source to recover, or for the receiver.
   */
  async #fetch(window: Window): Promise<readonly OutgoingBatch[] | null> {
    let outcome: readonly OutgoingBatch[] | Refusal;
    try {
      outcome = await this.ports.slots.use(() => this.#askAndPack(window));
    } catch (error) {
      await this.ports.pace.afterError(error);
      return null;
    }
    if (!("kind" in outcome)) {
      this.ports.pace.reset();
      return outcome;
    }
    await this.#yieldTo(outcome, window);
    return null;
  }

  async #askAndPack(
    window: Window,
    isAgain = false,
  ): Promise<readonly OutgoingBatch[] | Refusal> {
    const { fetch, delivery, gaps, selection, onSelected } = this.ports;
    const { stepMs } = window;
    const lookBehind = Math.min(delivery.lookBehindSteps, Math.floor(window.startMs / stepMs));
    const asked = { ...window, startMs: window.startMs - lookBehind * stepMs };
    const packer = delivery.pack(window, lookBehind);
    const selected = selection.over(window, packer);
    const answers: WholeAnswer[] = [];
    for (const text of selection.texts) {
      const answer = await fetch.ask(text, asked, selected);
      if (answer.kind !== "series") return answer;
      answers.push(answer);
    }
    const doubts = doubtsAbout(window, answers);
    if (isAgain && doubts.length > 0) return { kind: "rejected", detail: doubts[0]!.detail };
    const leftOut = [...selected.gaps(), ...packer.losses?.() ?? []];
    if (!isAgain) {
      await gaps.record([...doubts, ...leftOut]);
      onSelected(window, selected.dropped);
    }
    try {
      return await packer.finish(isAgain ? leftOut : gaps.within(window));
    } catch (error) {
      if (!(error instanceof InvalidInputError) || error.code !== "too_large") throw error;
      return { kind: "too_large", detail: error.message };
    }
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
      case "rejected":
        await this.ports.gaps.record([makeGap(window, "source_error", refusal.detail)]);
        break;
    }
    await this.ports.pace.wait("degraded", `Prometheus did not answer: ${refusal.detail}`);
  }
}

function digestOf(batches: readonly OutgoingBatch[]): string {
  return sha256Hex(batches.map(({ batchId }) => batchId).join(" "));
}

/** Data that came with a warning are sent, and marked: they may be incomplete. */
function doubtsAbout(window: Window, answers: readonly WholeAnswer[]) {
  const truncated = answers.some((answer) => answer.truncated);
  const warnings = new Set(answers.flatMap((answer) => answer.warnings));
  if (!truncated && warnings.size === 0) return [];
  const detail = [...warnings].join("; ") || "the source marked the result as partial";
  return [makeGap(window, truncated ? "truncated" : "warning", detail)];
}
