/**
 * The answer to a range query, decoded while it arrives, in pieces of any size. Series go to a handler one
 * by one; what is held is one label set or one point, and a fingerprint of each series.
 * Total: whatever is not exactly a matrix on the asked grid throws InvalidInputError `malformed_answer`,
 * more than ten million series `too_large`; nothing else does, but for what the handler throws. Names in any order, unknown ones skipped; only
 * a series' labels must come before its points.
 * Contract: prometheus/docs/querying/api.md; VictoriaMetrics, Thanos and Mimir answer the same.
 */
import type { SeriesHandler } from "../series_handler.ts";
import type { Window } from "../windows.ts";
import { Fingerprints } from "./fingerprints.ts";
import { HistogramReader } from "./histogram_reader.ts";
import { JsonInput, MORE, type Sequence } from "./json_input.ts";
import { addKey, type JsonValue, readValue } from "./json_value.ts";
import { readLabels } from "./label_reader.ts";
import { malformed, odd } from "./malformed.ts";
import { PointReader } from "./point_reader.ts";

export interface DecodedRange {
  readonly series: number;
  /** Floats and histograms. */
  readonly points: number;
  /** Reasons why the data may be incomplete; at most 32, each cut to 500 characters. */
  readonly warnings: readonly string[];
  /** The source itself cut the result short. */
  readonly truncated: boolean;
}

const MAX_WARNINGS = 32;
const MAX_WARNING = 500;

type Place =
  | "before"
  | "answer"
  | "data"
  | "result"
  | "series"
  | "values"
  | "histograms"
  | "behind";

export class RangeDecoder {
  readonly #input = new JsonInput();
  readonly #points: PointReader;
  readonly #histograms: HistogramReader;
  readonly #fingerprints: Fingerprints;
  #place: Place = "before";
  readonly #answer: Sequence = { at: "start" };
  readonly #data: Sequence = { at: "start" };
  readonly #result: Sequence = { at: "start" };
  #member: Sequence = { at: "start" };
  readonly #answerKeys = new Set<string>();
  readonly #dataKeys = new Set<string>();
  #memberKeys = new Set<string>();
  #wanted = false;
  #series = 0;
  #warnings: string[] = [];
  #truncated = false;

  /** @param seed for the fingerprints; another one in each process */
  constructor(window: Window, private readonly handler: SeriesHandler, seed: number) {
    this.#points = new PointReader(window, handler);
    this.#histograms = new HistogramReader(window, handler);
    this.#fingerprints = new Fingerprints(seed);
  }

  /** @param chunk read during this call only */
  push(chunk: Uint8Array): void {
    if (this.#input.feed(chunk)) this.#run();
  }

  /** The answer is whole. */
  finish(): DecodedRange {
    this.#input.finish();
    this.#run();
    return {
      series: this.#series,
      points: this.#points.count + this.#histograms.count,
      warnings: this.#warnings,
      truncated: this.#truncated,
    };
  }

  #run(): void {
    try {
      while (this.#step());
    } catch (reason) {
      if (reason !== MORE) throw reason;
    }
    this.#input.pause();
  }

  /** Reads one unit; false when the whole answer is read. */
  #step(): boolean {
    const input = this.#input;
    switch (this.#place) {
      case "before":
        input.take("{");
        return this.#enter("answer");
      case "answer":
        if (input.another(this.#answer, "}")) return this.#readAnswer();
        return this.#leaveAnswer();
      case "data":
        if (input.another(this.#data, "}")) return this.#readData();
        return this.#leaveData();
      case "result":
        if (!input.another(this.#result, "]")) return this.#leave(this.#data, "data");
        input.take("{");
        this.#member = { at: "start" };
        this.#memberKeys.clear();
        return this.#enter("series");
      case "series":
        if (input.another(this.#member, "}")) return this.#readMember();
        return this.#leaveSeries();
      case "values":
        this.#points.read(input, this.#wanted);
        return this.#leave(this.#member, "series");
      case "histograms":
        this.#histograms.read(input, this.#wanted);
        return this.#leave(this.#member, "series");
      case "behind":
        if (input.peek() !== -1) throw odd("JSON", "nothing behind the answer");
        return false;
    }
  }

  #readAnswer(): boolean {
    const input = this.#input;
    const key = input.key();
    if (key === "data") {
      input.take("{");
      addKey(this.#answerKeys, key);
      return this.#enter("data");
    }
    const value = readValue(input);
    addKey(this.#answerKeys, key);
    if (key === "status" && value !== "success") throw notSuccess();
    if (key === "warnings") this.#noteWarnings(value);
    if (key === "isPartial" && value === true) this.#truncated = true;
    return this.#leave(this.#answer, "answer");
  }

  #leaveAnswer(): boolean {
    if (!this.#answerKeys.has("status")) throw notSuccess();
    if (!this.#answerKeys.has("data")) throw odd("data", "an object");
    return this.#enter("behind");
  }

  #readData(): boolean {
    const input = this.#input;
    const key = input.key();
    if (key === "result") {
      input.take("[");
      addKey(this.#dataKeys, key);
      return this.#enter("result");
    }
    const value = readValue(input);
    addKey(this.#dataKeys, key);
    if (key === "resultType" && value !== "matrix") throw odd("resultType", "matrix");
    return this.#leave(this.#data, "data");
  }

  #leaveData(): boolean {
    if (!this.#dataKeys.has("resultType")) throw odd("resultType", "matrix");
    if (!this.#dataKeys.has("result")) throw odd("result", "a list");
    return this.#leave(this.#answer, "answer");
  }

  #readMember(): boolean {
    const input = this.#input;
    const key = input.key();
    if (key === "values" || key === "histograms") {
      if (!this.#memberKeys.has("metric")) throw odd("a series", "labels before points");
      input.take("[");
      addKey(this.#memberKeys, key);
      (key === "values" ? this.#points : this.#histograms).restart();
      return this.#enter(key);
    }
    if (key === "metric") {
      const { labels, text } = readLabels(input, this.handler.takesText ?? false);
      addKey(this.#memberKeys, key);
      if (!this.#fingerprints.add(text.bytes, text.from, text.to)) {
        throw odd("result", "each label set once");
      }
      this.#series += 1;
      this.#wanted = this.handler.begin(labels, text);
    } else {
      readValue(input);
      addKey(this.#memberKeys, key);
    }
    return this.#leave(this.#member, "series");
  }

  #leaveSeries(): boolean {
    if (!this.#memberKeys.has("metric")) throw odd("metric", "an object");
    if (this.#wanted) this.handler.end();
    return this.#leave(this.#result, "result");
  }

  #enter(place: Place): boolean {
    this.#place = place;
    this.#input.commit();
    return true;
  }

  /** An element is read whole. */
  #leave(outer: Sequence, place: Place): boolean {
    outer.at = "behind";
    return this.#enter(place);
  }

  #noteWarnings(value: JsonValue): void {
    if (value === null) return;
    if (!Array.isArray(value)) throw malformed("with warnings that are no list");
    for (const text of value) {
      if (typeof text !== "string") throw malformed("with a warning that is no text");
      if (/truncated/i.test(text)) this.#truncated = true;
      if (this.#warnings.length < MAX_WARNINGS) {
        this.#warnings.push(text.slice(0, MAX_WARNING).toWellFormed());
      }
    }
  }
}

function notSuccess() {
  return malformed("200 without the status success");
}
