/** Reads what `RequestWriter` wrote, in order to cut it or to write it in the other version. */
import type { Labels } from "../series_handler.ts";
import { readFields } from "./protobuf_reader.ts";
import { RequestWriter, type WriteVersion, type WrittenRequest } from "./write_request.ts";

/** A sample or a histogram; where it lies in the request. */
export interface RequestItem {
  readonly isHistogram: boolean;
  readonly message: Uint8Array;
  readonly timestampMs: number;
}

export interface RequestSeries {
  readonly labels: Labels;
  readonly items: readonly RequestItem[];
}

interface Layout {
  readonly series: number;
  readonly histogram: number;
}

const LAYOUTS: Readonly<Record<WriteVersion, Layout>> = {
  "1.0": { series: 1, histogram: 4 },
  "2.0": { series: 5, histogram: 3 },
};
const SYMBOL = 4;
const LABELS = 1;
const SAMPLE = 2;
const SAMPLE_TIME = 2;
const HISTOGRAM_TIME = 15;
/** The stale marker: as a sample's value behind one tag, as a histogram's sum behind one field and a tag. */
const STALE = [2, 0, 0, 0, 0, 0, 0xf0, 0x7f] as const;
const STALE_AT = { sample: 1, histogram: 10 };

const decoder = new TextDecoder();

/** @param bytes not compressed */
export function readRequest(bytes: Uint8Array, version: WriteVersion): RequestSeries[] {
  const layout = LAYOUTS[version];
  const symbols: string[] = [];
  const series: RequestSeries[] = [];
  for (const { number, from, to } of readFields(bytes)) {
    if (number === layout.series) series.push(readSeries(bytes, from, to, version, symbols));
    else if (number === SYMBOL) symbols.push(decoder.decode(bytes.subarray(from, to)));
  }
  return series;
}

/** The same series in a request of their own. @param series with at least one item each */
export function writeAgain(
  series: readonly RequestSeries[],
  version: WriteVersion,
): WrittenRequest {
  const writer = new RequestWriter(version);
  for (const { labels, items } of series) {
    writer.begin(labels);
    for (const { isHistogram, message } of items) {
      if (isHistogram) writer.histogram(message);
      else writer.rawSample(message);
    }
    writer.end();
  }
  return writer.take();
}

/** Without the markers that say that a series ended. */
export function countPoints(series: readonly RequestSeries[]): number {
  let points = 0;
  for (const { items } of series) {
    for (const { isHistogram, message } of items) {
      const at = isHistogram ? STALE_AT.histogram : STALE_AT.sample;
      if (STALE.some((byte, i) => message[at + i] !== byte)) points += 1;
    }
  }
  return points;
}

function readSeries(
  bytes: Uint8Array,
  from: number,
  to: number,
  version: WriteVersion,
  symbols: readonly string[],
): RequestSeries {
  const labels: [string, string][] = [];
  const items: RequestItem[] = [];
  for (const field of readFields(bytes, from, to)) {
    if (field.number === LABELS) {
      if (version === "1.0") labels.push(readLabel(bytes, field.from, field.to));
      else labels.push(...readReferences(bytes, field.from, field.to, symbols));
      continue;
    }
    const isHistogram = field.number === LAYOUTS[version].histogram;
    if (!isHistogram && field.number !== SAMPLE) continue;
    const time = isHistogram ? HISTOGRAM_TIME : SAMPLE_TIME;
    let timestampMs = 0;
    for (const { number, value } of readFields(bytes, field.from, field.to)) {
      if (number === time) timestampMs = value;
    }
    items.push({ isHistogram, message: bytes.subarray(field.from, field.to), timestampMs });
  }
  return { labels, items };
}

function readLabel(bytes: Uint8Array, from: number, to: number): [string, string] {
  const label: [string, string] = ["", ""];
  for (const field of readFields(bytes, from, to)) {
    label[field.number === 1 ? 0 : 1] = decoder.decode(bytes.subarray(field.from, field.to));
  }
  return label;
}

function readReferences(
  bytes: Uint8Array,
  from: number,
  to: number,
  symbols: readonly string[],
): [string, string][] {
  const texts: string[] = [];
  for (let at = from, value = 0, scale = 1; at < to; at++) {
    value += (bytes[at]! & 0x7f) * scale;
    scale *= 0x80;
    if (bytes[at]! >= 0x80) continue;
    texts.push(symbols[value] ?? "");
    value = 0;
    scale = 1;
  }
  return Array.from({ length: texts.length / 2 }, (_, i) => [texts[2 * i]!, texts[2 * i + 1]!]);
}
