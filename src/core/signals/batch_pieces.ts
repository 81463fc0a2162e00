/** A sent batch, read back so that it can be cut: what a receiver refuses whole, it may take in part. */
import { decodeUtf8 } from "../encoding.ts";
import type { HistogramPoint, SampleValue } from "../protocol.ts";
import type { RangeSeries } from "./batch.ts";
import { countSteps, halveWindow, type Window } from "./windows.ts";

export interface Piece {
  readonly window: Window;
  readonly series: readonly RangeSeries[];
}

interface BatchJson {
  readonly series: readonly { labels: Record<string, string>; values: SampleValue[] }[];
  readonly histograms: readonly { labels: Record<string, string>; points: HistogramPoint[] }[];
}

/** @param json a batch that this program wrote */
export function readBatchSeries(json: Uint8Array): RangeSeries[] {
  const batch: BatchJson = JSON.parse(decodeUtf8(json));
  const all = new Map<string, RangeSeries>();
  for (const { labels, values } of batch.series) {
    const key = encodeLabelObject(labels);
    all.set(key, { labels: key, values, histograms: [] });
  }
  for (const { labels, points } of batch.histograms) {
    const key = encodeLabelObject(labels);
    all.set(key, { labels: key, values: all.get(key)?.values ?? null, histograms: points });
  }
  return [...all.values()].sort((a, b) => a.labels < b.labels ? -1 : 1);
}

/** Two pieces that hold exactly this one, cut along its longer side; null for one point of one series. */
export function halvePiece({ window, series }: Piece): [Piece, Piece] | null {
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

/** The part of each series that lies in `part`, a window within `whole`. */
export function cutSeries(
  series: readonly RangeSeries[],
  whole: Window,
  part: Window,
): RangeSeries[] {
  const from = (part.startMs - whole.startMs) / whole.stepMs;
  const to = from + countSteps(part);
  return series.flatMap(({ labels, values, histograms }) => {
    const cut = values?.slice(from, to) ?? null;
    const kept = cut?.some((value) => value !== null) ? cut : null;
    const points = histograms.filter(({ index }) => index >= from && index < to)
      .map((point) => ({ ...point, index: point.index - from }));
    return kept || points.length > 0 ? [{ labels, values: kept, histograms: points }] : [];
  });
}

/** RFC 8785 text, written by hand: an object would reorder labels whose names are integers. */
function encodeLabelObject(labels: Record<string, string>): string {
  const pairs = Object.keys(labels).sort()
    .map((name) => `${JSON.stringify(name)}:${JSON.stringify(labels[name])}`);
  return `{${pairs.join(",")}}`;
}
