/**
 * Hands one window to the receiver and returns only once all of it is acknowledged, as data or as
 * gaps. A rejected window is halved, by series or by time, until only what the receiver will not
 * take is left; that is quarantined and becomes a gap.
 */
import type { Gap } from "../core/protocol.ts";
import { encodeBatch, type EncodedBatch } from "../core/signals/batch.ts";
import { compress } from "../core/signals/compression.ts";
import { makeGap } from "../core/signals/gap_ledger.ts";
import { cutSeries, type RangeSeries } from "../core/signals/matrix.ts";
import { countSteps, halveWindow, type Window } from "../core/signals/windows.ts";
import { describeError, InvalidInputError, StalledError } from "../errors.ts";
import type { OutgoingBatch, SignalsDeps, SignalsQuery } from "./signals_ports.ts";
import type { Patience } from "./signals_patience.ts";

/** A receiver that refuses everything must not be asked about every single point. */
const MAX_REJECTIONS = 256;

export interface Piece {
  readonly window: Window;
  readonly series: readonly RangeSeries[];
}

export class SignalsDelivery {
  constructor(
    private readonly deps: SignalsDeps,
    private readonly query: SignalsQuery,
    private readonly patience: Patience,
    private readonly signal: AbortSignal,
  ) {}

  async pack(piece: Piece, gaps: readonly Gap[]): Promise<OutgoingBatch> {
    return (await this.#encode(piece, gaps)).batch;
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
    const batch = await this.pack({ window, series: [] }, gaps);
    while (!await this.send(batch)) {
      await this.patience.afterError(
        new StalledError("access_denied", "The receiver refuses a batch that holds only gaps", {
          hint: "compare the versions of connector and control plane",
        }),
      );
    }
  }

  /** Sends what it can of a window that was rejected whole; returns the gaps for the rest. */
  async sendInPieces(whole: Piece): Promise<Gap[]> {
    const gaps: Gap[] = [];
    const stack: Piece[] = halve(whole)?.toReversed() ?? [whole];
    for (let rejections = 0; stack.length > 0;) {
      const piece = stack.pop()!;
      const { batch, encoded } = await this.#encode(piece, []);
      if (await this.send(batch)) continue;
      rejections += 1;
      const halves = rejections < MAX_REJECTIONS ? halve(piece) : null;
      if (halves) stack.push(...halves.toReversed());
      else gaps.push(await this.#quarantine(piece, encoded));
    }
    return gaps;
  }

  async #encode(piece: Piece, gaps: readonly Gap[]) {
    const { name, expr } = this.query;
    const encoding = this.deps.encoding ?? "zstd";
    const encoded = encodeBatch({
      clusterId: this.deps.clusterId(),
      node: this.deps.node,
      query: { name, expr },
      window: piece.window,
      series: piece.series,
      gaps,
    });
    const { batchId, points } = encoded;
    const body = await compress(encoded.json, encoding);
    return { encoded, batch: { body, encoding, batchId, query: name, points } };
  }

  async #quarantine({ window, series }: Piece, encoded: EncodedBatch): Promise<Gap> {
    const name = `${this.query.name}.${window.startMs}.${encoded.batchId.slice(0, 16)}.json`;
    const kept = await this.patience.until(() => this.deps.quarantine.keep(name, encoded.json));
    const what = series.length === 1 ? `series ${series[0]!.labels}` : `${series.length} series`;
    const where = kept ? `kept in quarantine as ${kept}` : "not kept: no room in quarantine";
    return makeGap(window, "rejected_by_receiver", `${where}; ${what}`);
  }
}

/** Two pieces that hold exactly this one, cut along its longer side; null for one point of one series. */
function halve({ window, series }: Piece): [Piece, Piece] | null {
  const windows = halveWindow(window);
  if (series.length > 1 && (series.length >= countSteps(window) || !windows)) {
    const middle = Math.ceil(series.length / 2);
    return [
      { window, series: series.slice(0, middle) },
      { window, series: series.slice(middle) },
    ];
  }
  if (!windows || series.length === 0) return null;
  const [first, second] = windows;
  return [
    { window: first, series: cutSeries(series, window, first) },
    { window: second, series: cutSeries(series, window, second) },
  ];
}
