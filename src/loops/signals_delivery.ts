/**
 * Hands batches to the receiver and returns only once they are acknowledged, as data or as gaps. A batch
 * that is rejected is halved, by series or by time, until only what the receiver will not take is left;
 * that is quarantined and becomes a gap.
 */
import type { Gap } from "../core/protocol.ts";
import { makeGap } from "../core/signals/gap_ledger.ts";
import type { OutgoingBatch, Packer } from "../core/signals/series_handler.ts";
import type { Window } from "../core/signals/windows.ts";
import { describeError, InvalidInputError, StalledError } from "../errors.ts";
import type { Patience } from "./signals_patience.ts";
import type { SignalsDeps, SignalsQuery } from "./signals_ports.ts";

/** A receiver that refuses everything must not be asked about every single point. */
const MAX_REJECTIONS = 256;

export class SignalsDelivery {
  constructor(
    private readonly deps: SignalsDeps,
    private readonly query: SignalsQuery,
    private readonly patience: Patience,
    private readonly signal: AbortSignal,
  ) {}

  pack(window: Window): Packer {
    const { name, expr } = this.query;
    const clusterId = this.deps.clusterId();
    return this.deps.sink.pack({ clusterId, query: { name, expr }, window });
  }

  /**
   * Sends all batches of a window, until only what the receiver will never take is left. Returns the gaps
   * for that; null when every batch was taken as it was. Where one was not, the gaps that travelled
   * with it are still to be sent, also when every piece was taken.
   */
  async sendAll(batches: readonly OutgoingBatch[]): Promise<Gap[] | null> {
    const gaps: Gap[] = [];
    let isWhole = true;
    const stack = batches.toReversed();
    for (let rejections = 0; stack.length > 0;) {
      const batch = stack.pop()!;
      if (await this.send(batch)) continue;
      rejections += 1;
      isWhole = false;
      const halves = rejections < MAX_REJECTIONS ? await batch.split() : null;
      if (halves) stack.push(halves[1], halves[0]);
      else gaps.push(await this.#quarantine(batch));
    }
    return isWhole ? null : gaps;
  }

  /** True once acknowledged, false when the receiver will never take it; waits for as long as it takes. */
  async send(batch: OutgoingBatch): Promise<boolean> {
    const { sink, metrics } = this.deps;
    const query = this.query.name;
    try {
      await this.patience.until(() => sink.send(batch, this.signal));
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      metrics.signalBatches.inc({ query, result: "rejected" });
      this.deps.log.log("warn", "signals_rejected", {
        query,
        batchId: batch.batchId,
        reason: describeError(error),
      });
      return false;
    }
    metrics.signalBatches.inc({ query, result: "accepted" });
    metrics.signalPoints.inc({ query }, batch.points);
    metrics.signalBytes.inc({ query }, batch.body.length);
    return true;
  }

  /** Sends gaps alone. A receiver that refuses even those stops the query: nothing may go unrecorded. */
  async sendGaps(window: Window, gaps: readonly Gap[]): Promise<void> {
    const batches = await this.pack(window).finish(gaps);
    for (const batch of batches) await this.#insist(batch);
  }

  async #insist(batch: OutgoingBatch): Promise<void> {
    while (!await this.send(batch)) {
      await this.patience.afterError(
        new StalledError("access_denied", "The receiver refuses a batch that holds only gaps", {
          hint: "compare the versions of connector and control plane",
        }),
      );
    }
  }

  async #quarantine(batch: OutgoingBatch): Promise<Gap> {
    const { window, batchId } = batch;
    const { bytes, description } = await batch.content();
    const name = `${this.query.name}.${window.startMs}.${batchId.slice(0, 16)}.json`;
    const kept = await this.patience.until(() => this.deps.quarantine.keep(name, bytes));
    const where = kept ? `kept in quarantine as ${kept}` : "not kept: no room in quarantine";
    return makeGap(window, "rejected_by_receiver", `${where}; ${description}`);
  }
}
