/**
 * The `series` and `histograms` of one /signals batch, written point by point as RFC 8785 text. The text
 * of a float that is canonical already is copied; what may not be is rewritten, a series at a time.
 */
import { encodeUtf8 } from "../../encoding.ts";
import type { HistogramPoint } from "../../protocol.ts";
import { CANONICAL, classifyFloat, JSON_NUMBER, parseFloatText } from "../float_text.ts";
import type { LabelsText } from "../series_handler.ts";
import { ByteWriter } from "./byte_writer.ts";
import { EntryList } from "./entry_list.ts";

const COMMA = 0x2c;
const VALUES = encodeUtf8(',"values":[');
const POINTS = encodeUtf8(',"points":[');
const decoder = new TextDecoder();

export class ColumnWriter {
  readonly floats = new EntryList();
  readonly histograms = new EntryList();
  points = 0;
  readonly #labels = new ByteWriter();
  #next = 0;
  #valuesFrom = -1;
  #isDoubtful = false;
  #hasHistograms = false;

  /** @param steps how many grid points the window has */
  constructor(private readonly steps: number) {}

  get isEmpty(): boolean {
    return this.floats.isEmpty && this.histograms.isEmpty;
  }

  get length(): number {
    return this.floats.out.length + this.histograms.out.length;
  }

  begin({ bytes, from, to }: LabelsText): void {
    this.#labels.length = 0;
    this.#labels.copy(bytes, from, to);
    this.#next = 0;
    this.#valuesFrom = -1;
    this.#isDoubtful = this.#hasHistograms = false;
  }

  float(index: number, bytes: Uint8Array, from: number, to: number): void {
    const { out } = this.floats;
    if (this.#valuesFrom < 0) {
      this.floats.begin(this.#labels);
      out.append(VALUES);
      this.#valuesFrom = out.length - 1;
    }
    // What JSON makes of a float that it would not take has at most 24 characters.
    out.reserve(to - from + 32 + 5 * (index - this.#next));
    this.#skipTo(index);
    this.#next = index + 1;
    this.points += 1;
    const kind = classifyFloat(bytes, from, to);
    if (kind === CANONICAL || kind === JSON_NUMBER) {
      const target = out.bytes;
      let length = out.length;
      for (let at = from; at < to; at++) target[length++] = bytes[at]!;
      target[length++] = COMMA;
      out.length = length;
      if (kind === JSON_NUMBER) this.#isDoubtful = true;
    } else {
      out.text(`${encodeNumber(parseFloatText(bytes, from, to))},`);
    }
  }

  histogram({ buckets, count, index, sum }: HistogramPoint): void {
    const { out } = this.histograms;
    if (!this.#hasHistograms) {
      this.histograms.begin(this.#labels);
      out.append(POINTS);
      this.#hasHistograms = true;
    }
    this.points += 1;
    out.text(`${JSON.stringify({ buckets, count, index, sum })},`);
  }

  end(): void {
    if (this.#valuesFrom >= 0) {
      const { out } = this.floats;
      out.reserve(5 * (this.steps - this.#next) + 8);
      this.#skipTo(this.steps);
      if (this.#isDoubtful) this.#rewrite();
      this.floats.end();
    }
    if (this.#hasHistograms) this.histograms.end();
  }

  clear(): void {
    this.floats.clear();
    this.histograms.clear();
    this.points = 0;
  }

  /** Room MUST be reserved. */
  #skipTo(index: number): void {
    const { out } = this.floats;
    const { bytes } = out;
    let { length } = out;
    for (let at = this.#next; at < index; at++) {
      bytes[length++] = 0x6e;
      bytes[length++] = 0x75;
      bytes[length++] = 0x6c;
      bytes[length++] = 0x6c;
      bytes[length++] = COMMA;
    }
    out.length = length;
  }

  /** Numbers and back, natively, all at once: what was canonical stays as it is. */
  #rewrite(): void {
    const { out } = this.floats;
    out.bytes[out.length - 1] = 0x5d;
    const text = decoder.decode(out.bytes.subarray(this.#valuesFrom, out.length));
    const canonical = JSON.stringify(JSON.parse(text));
    if (canonical !== text) {
      out.length = this.#valuesFrom;
      out.text(canonical);
    }
    out.bytes[out.length - 1] = COMMA;
  }
}

function encodeNumber(value: number): string {
  if (Number.isFinite(value)) return JSON.stringify(value);
  return Number.isNaN(value) ? '"NaN"' : value > 0 ? '"+Inf"' : '"-Inf"';
}
