/**
 * How a window travels: the decoder hands over one series after the other while the answer still arrives,
 * and a packer writes them at once into what will be sent. Nobody ever holds the whole window.
 */
import type { Gap, HistogramPoint } from "../protocol.ts";
import type { Window } from "./windows.ts";

/** Ordered by name, as RFC 8785 orders keys; each name once. */
export type Labels = readonly (readonly [name: string, value: string])[];

/** RFC 8785 text: `bytes.subarray(from, to)`. */
export interface LabelsText {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** Takes series one by one: `begin`, then its points in grid order, then `end`. */
export interface SeriesHandler {
  /** True for one that needs no more than the text of the labels: where there is one, `labels` is empty. */
  readonly takesText?: boolean;
  /**
   * False to have the points of this series checked, and not handed over; `end` is not called then.
   * @param text of exactly these labels, where it is at hand; valid during this call only
   */
  begin(labels: Labels, text?: LabelsText): boolean;
  /**
   * A float as text: decimal digits with sign, fraction and exponent, or NaN, Inf, +Inf, -Inf.
   * @param index of the grid point within the window
   * @param bytes valid during this call only; the text is `bytes.subarray(from, to)`
   */
  float(index: number, bytes: Uint8Array, from: number, to: number): void;
  histogram(point: HistogramPoint): void;
  end(): void;
  /** Called between two pieces of the answer, never within a series' call: the time to give bytes away. */
  drain(): Promise<void>;
}

/** One request to the receiver: a part of a window, encoded and compressed. */
export interface OutgoingBatch {
  readonly body: Uint8Array<ArrayBuffer>;
  /** Media type, encoding, idempotency key: everything that describes the body. */
  readonly headers: Readonly<Record<string, string>>;
  /** The same content has the same id. */
  readonly batchId: string;
  readonly query: string;
  readonly window: Window;
  readonly points: number;
  /**
   * Two that hold exactly the data of this one, cut along its longer side, and none of its gaps; null for
   * one point of one series.
   */
  split(): Promise<readonly [OutgoingBatch, OutgoingBatch] | null>;
  /** For the quarantine: the content before compression, and what it is in one line. */
  content(): Promise<{ readonly bytes: Uint8Array; readonly description: string }>;
}

/** Packs one window. */
export interface Packer extends SeriesHandler {
  /**
   * No further series will come. At least one batch, also where there was no series.
   * @param gaps travel with the last batch where the format has a place for them
   */
  finish(gaps: readonly Gap[]): Promise<readonly OutgoingBatch[]>;
}

export interface PackedWindow {
  readonly clusterId: string;
  readonly query: { readonly name: string; readonly expr: string };
  readonly window: Window;
}
