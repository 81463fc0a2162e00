/**
 * The body of POST /signals, written as RFC 8785 canonical JSON: the same content always gives the
 * same bytes. `batchId` is the SHA-256 of the body without its batchId, so that a receiver can check
 * it and knows a repeated batch by it.
 */
import { encodeUtf8, sha256Hex } from "../encoding.ts";
import type { Gap, SignalsBatch } from "../protocol.ts";
import { countPoints, type RangeSeries } from "./matrix.ts";
import type { Window } from "./windows.ts";

export interface BatchContent {
  readonly clusterId: string;
  /** Whose window it is, of a query that each node asks for itself. */
  readonly node?: string | undefined;
  readonly query: { readonly name: string; readonly expr: string };
  readonly window: Window;
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

export function encodeBatch(content: BatchContent): EncodedBatch {
  const { clusterId, node, query, window, series, gaps } = content;
  const histograms = series.filter((one) => one.histograms.length > 0)
    .map((one) => `{"labels":${one.labels},"points":[${one.histograms.map(encodePoint)}]}`);
  const floats = series.filter((one) => one.values !== null)
    .map((one) => `{"labels":${one.labels},"values":${JSON.stringify(one.values)}}`);
  // Keys in RFC 8785 order; batchId sorts before all of them, so it is put in front.
  const rest = [
    `"clusterId":${JSON.stringify(clusterId)}`,
    `"gaps":[${gaps.map(encodeGap)}]`,
    `"histograms":[${histograms}]`,
    ...(node === undefined ? [] : [`"node":${JSON.stringify(node)}`]),
    `"query":${JSON.stringify({ expr: query.expr, name: query.name })}`,
    `"schema":${JSON.stringify(SCHEMA)}`,
    `"series":[${floats}]`,
    `"window":${JSON.stringify(sortedWindow(window))}`,
  ].join(",");
  const batchId = sha256Hex(`{${rest}}`);
  const json = encodeUtf8(`{"batchId":"${batchId}",${rest}}`);
  return { batchId, json, points: countPoints(series) };
}

function encodePoint({ index, count, sum, buckets }: RangeSeries["histograms"][number]): string {
  return JSON.stringify({ buckets, count, index, sum });
}

function encodeGap({ startMs, endMs, reason, detail }: Gap): string {
  return JSON.stringify({ detail, endMs, reason, startMs });
}

function sortedWindow({ startMs, endMs, stepMs }: Window) {
  return { endMs, startMs, stepMs };
}
