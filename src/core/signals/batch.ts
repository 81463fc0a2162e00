/**
 * The body of POST /signals, written as RFC 8785 canonical JSON: the same content always gives the
 * same bytes. `batchId` is the SHA-256 of the body without its batchId, so that a receiver can check
 * it and knows a repeated batch by it.
 */
import { encodeUtf8, sha256Hex } from "../encoding.ts";
import type { Gap, HistogramPoint, SampleValue, SignalsBatch } from "../protocol.ts";
import type { PackedWindow } from "./series_handler.ts";

/** The texts around the lists of a batch: head, histograms, middle, series, tail. */
export interface BatchFrame {
  readonly head: string;
  readonly middle: string;
  readonly tail: string;
}

/** One series, in columns on the window's grid. */
export interface RangeSeries {
  /** Canonical JSON of the labels; identifies and orders series. */
  readonly labels: string;
  /** One per grid point, null where there is none; null altogether when there is not one float. */
  readonly values: readonly SampleValue[] | null;
  /** In grid order; empty when the series has no native histogram. */
  readonly histograms: readonly HistogramPoint[];
}

export interface BatchContent extends PackedWindow {
  /** Ordered by labels. */
  readonly series: readonly RangeSeries[];
  readonly gaps: readonly Gap[];
}

export interface EncodedBatch {
  readonly batchId: string;
  readonly json: Uint8Array<ArrayBuffer>;
  readonly points: number;
}

const SCHEMA: SignalsBatch["schema"] = "neuralops.io/signals/v1";

/** Keys in RFC 8785 order; batchId sorts before all of them, so it is put in front. */
export function frameBatch(packed: PackedWindow, gaps: readonly Gap[]): BatchFrame {
  const { clusterId, query, window } = packed;
  const { startMs, endMs, stepMs } = window;
  return {
    head: `"clusterId":${JSON.stringify(clusterId)},"gaps":[${gaps.map(encodeGap)}],"histograms":[`,
    middle: `],"query":${JSON.stringify({ expr: query.expr, name: query.name })},` +
      `"schema":${JSON.stringify(SCHEMA)},"series":[`,
    tail: `],"window":${JSON.stringify({ endMs, startMs, stepMs })}`,
  };
}

export function encodeBatch(content: BatchContent): EncodedBatch {
  const { series, gaps } = content;
  const histograms = series.filter((one) => one.histograms.length > 0)
    .map((one) => `{"labels":${one.labels},"points":[${one.histograms.map(encodePoint)}]}`);
  const floats = series.filter((one) => one.values !== null)
    .map((one) => `{"labels":${one.labels},"values":${JSON.stringify(one.values)}}`);
  const { head, middle, tail } = frameBatch(content, gaps);
  const rest = `${head}${histograms}${middle}${floats}${tail}`;
  const batchId = sha256Hex(`{${rest}}`);
  const json = encodeUtf8(`{"batchId":"${batchId}",${rest}}`);
  return { batchId, json, points: countPoints(series) };
}

/** Floats and histogram points, without absent ones. */
export function countPoints(series: readonly RangeSeries[]): number {
  let count = 0;
  for (const { values, histograms } of series) {
    count += histograms.length;
    for (const value of values ?? []) if (value !== null) count += 1;
  }
  return count;
}

function encodePoint({ index, count, sum, buckets }: HistogramPoint): string {
  return JSON.stringify({ buckets, count, index, sum });
}

function encodeGap({ startMs, endMs, reason, detail }: Gap): string {
  return JSON.stringify({ detail, endMs, reason, startMs });
}
