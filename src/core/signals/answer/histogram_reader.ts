/** The `histograms` of one series: native histograms, whose buckets may be left out. */
import { encodeUtf8 } from "../../encoding.ts";
import type { HistogramPoint } from "../../protocol.ts";
import { classifyFloat, NO_FLOAT } from "../float_text.ts";
import type { SeriesHandler } from "../series_handler.ts";
import type { Window } from "../windows.ts";
import type { JsonInput, Sequence } from "./json_input.ts";
import { type JsonValue, readValue } from "./json_value.ts";
import { odd } from "./malformed.ts";
import { Timeline } from "./point_reader.ts";

const MAX_BUCKETS = 10_000;
const RULES: readonly JsonValue[] = [0, 1, 2, 3];

/** Points MUST come in order, once each, on the grid, within the window. */
export class HistogramReader {
  readonly #timeline: Timeline;
  #sequence: Sequence = { at: "start" };
  count = 0;

  constructor(window: Window, private readonly handler: SeriesHandler) {
    this.#timeline = new Timeline(window);
  }

  restart(): void {
    this.#timeline.restart();
    this.#sequence = { at: "start" };
  }

  /** Up to and with the closing bracket. Throws MORE. */
  read(input: JsonInput, wanted: boolean): void {
    while (input.another(this.#sequence, "]")) {
      const point = readValue(input);
      if (!Array.isArray(point) || point.length !== 2) throw odd("a point", "[seconds, value]");
      const [time, value] = point;
      if (typeof time !== "number") throw odd("a timestamp", "a number of seconds");
      const index = this.#timeline.advance(Math.round(time * 1000));
      const histogram = parseHistogram(index, value!);
      this.count += 1;
      if (wanted) this.handler.histogram(histogram);
      this.#sequence.at = "behind";
      input.commit();
    }
  }
}

function parseHistogram(index: number, value: JsonValue): HistogramPoint {
  if (!(value instanceof Map)) throw odd("a histogram", "an object");
  const buckets = value.get("buckets") ?? (value.has("buckets") ? null : []);
  if (!Array.isArray(buckets)) throw odd("buckets", "a list");
  if (buckets.length > MAX_BUCKETS) throw odd("buckets", `at most ${MAX_BUCKETS}`);
  return {
    index,
    count: asFloatText(value.get("count")),
    sum: asFloatText(value.get("sum")),
    buckets: buckets.map(parseBucket),
  };
}

function parseBucket(bucket: JsonValue): [number, string, string, string] {
  if (!Array.isArray(bucket) || bucket.length !== 4 || !RULES.includes(bucket[0]!)) {
    throw odd("a bucket", "[0 to 3, lower, upper, count]");
  }
  const [rule, lower, upper, count] = bucket;
  return [rule as number, asFloatText(lower), asFloatText(upper), asFloatText(count)];
}

function asFloatText(value: JsonValue | undefined): string {
  if (typeof value === "string") {
    const bytes = encodeUtf8(value);
    if (classifyFloat(bytes, 0, bytes.length) !== NO_FLOAT) return value;
  }
  throw odd("a value", "a float as text");
}
