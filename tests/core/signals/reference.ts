/** What a whole answer means, read in the plain way: JSON.parse, then a look at everything in it. */
import { decodeUtf8 } from "../../../src/core/encoding.ts";
import type { HistogramPoint, SampleValue } from "../../../src/core/protocol.ts";
import type { RangeSeries } from "../../../src/core/signals/batch.ts";
import { countSteps, type Window } from "../../../src/core/signals/windows.ts";

export interface ReferenceAnswer {
  readonly series: readonly RangeSeries[];
  readonly warnings: readonly string[];
  readonly truncated: boolean;
}

/** Throws on whatever is not a matrix on the window's grid. */
export function decodeReference(bytes: Uint8Array, window: Window): ReferenceAnswer {
  const body = asObject(JSON.parse(decodeUtf8(bytes)), "the answer");
  if (body["status"] !== "success") throw odd("status", "success");
  const warnings = asArray(body["warnings"] ?? [], "warnings");
  if (!warnings.every((text) => typeof text === "string")) throw odd("warnings", "texts");
  const truncated = body["isPartial"] === true || warnings.some((text) => /truncated/i.test(text));
  return { series: decodeMatrix(body["data"], window), warnings, truncated };
}

const FLOAT = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const SPECIAL: ReadonlyMap<string, SampleValue> = new Map([
  ["NaN", "NaN"],
  ["+Inf", "+Inf"],
  ["Inf", "+Inf"],
  ["-Inf", "-Inf"],
]);
const MAX_BUCKETS = 10_000;

/** @returns series in the order of their labels, each label set once */
function decodeMatrix(data: unknown, window: Window): RangeSeries[] {
  const matrix = asObject(data, "data");
  if (matrix["resultType"] !== "matrix") throw odd("resultType", "matrix");
  const series = asArray(matrix["result"], "result").map((entry) => decodeSeries(entry, window));
  series.sort((a, b) => a.labels < b.labels ? -1 : a.labels > b.labels ? 1 : 0);
  for (let i = 1; i < series.length; i++) {
    if (series[i]!.labels === series[i - 1]!.labels) throw odd("result", "each label set once");
  }
  return series;
}

function decodeSeries(value: unknown, window: Window): RangeSeries {
  const entry = asObject(value, "a series");
  const labels = encodeLabels(asObject(entry["metric"], "metric"));
  const floats = entry["values"] === undefined ? [] : asArray(entry["values"], "values");
  const natives = entry["histograms"] === undefined
    ? []
    : asArray(entry["histograms"], "histograms");
  return {
    labels,
    values: floats.length > 0 ? decodeFloats(floats, window) : null,
    histograms: decodeHistograms(natives, window),
  };
}

/** RFC 8785 text, written by hand: an object would reorder labels whose names are integers. */
function encodeLabels(metric: Record<string, unknown>): string {
  const parts = Object.keys(metric).sort().map((name) => {
    const value = metric[name];
    if (typeof value !== "string" || !value.isWellFormed() || !name.isWellFormed()) {
      throw odd("metric", "labels with texts");
    }
    return `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  });
  return `{${parts.join(",")}}`;
}

function decodeFloats(pairs: readonly unknown[], window: Window): SampleValue[] {
  const values = new Array<SampleValue>(countSteps(window)).fill(null);
  let last = -1;
  for (const entry of pairs) {
    const [time, value] = asPair(entry);
    last = gridIndex(time, window, last);
    values[last] = decodeFloat(value);
  }
  return values;
}

function decodeHistograms(pairs: readonly unknown[], window: Window): HistogramPoint[] {
  let last = -1;
  return pairs.map((entry) => {
    const [time, value] = asPair(entry);
    last = gridIndex(time, window, last);
    const histogram = asObject(value, "a histogram");
    const buckets = histogram["buckets"] === undefined
      ? []
      : asArray(histogram["buckets"], "buckets");
    if (buckets.length > MAX_BUCKETS) throw odd("buckets", `at most ${MAX_BUCKETS}`);
    return {
      index: last,
      count: asFloatText(histogram["count"]),
      sum: asFloatText(histogram["sum"]),
      buckets: buckets.map(decodeBucket),
    };
  });
}

function decodeBucket(value: unknown): [number, string, string, string] {
  const bucket = asArray(value, "a bucket");
  const rule = bucket[0];
  if (bucket.length !== 4 || typeof rule !== "number" || ![0, 1, 2, 3].includes(rule)) {
    throw odd("a bucket", "[0 to 3, lower, upper, count]");
  }
  return [rule, asFloatText(bucket[1]), asFloatText(bucket[2]), asFloatText(bucket[3])];
}

/** Points MUST come in order, once each, on the grid, within the window. */
function gridIndex(time: unknown, window: Window, last: number): number {
  if (typeof time !== "number") throw odd("a timestamp", "a number of seconds");
  const index = (Math.round(time * 1000) - window.startMs) / window.stepMs;
  if (!Number.isInteger(index) || index <= last || index >= countSteps(window)) {
    throw odd("a timestamp", "rising points of the asked grid");
  }
  return index;
}

function decodeFloat(value: unknown): SampleValue {
  const text = asFloatText(value);
  const special = SPECIAL.get(text);
  if (special !== undefined) return special;
  const number = Number(text);
  if (!Number.isFinite(number)) throw odd("a value", "a 64-bit float");
  return number;
}

function asFloatText(value: unknown): string {
  if (typeof value === "string" && (SPECIAL.has(value) || FLOAT.test(value))) return value;
  throw odd("a value", "a float as text");
}

function asPair(value: unknown): readonly unknown[] {
  const pair = asArray(value, "a point");
  if (pair.length !== 2) throw odd("a point", "[seconds, value]");
  return pair;
}

function asArray(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw odd(what, "a list");
  return value;
}

function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw odd(what, "an object");
  }
  return value as Record<string, unknown>;
}

function odd(what: string, expected: string): TypeError {
  return new TypeError(`${what}: expected ${expected}`);
}
