/** Write requests read by software that is not ours: @bufbuild/protobuf and snappyjs. */
import { BinaryReader } from "@bufbuild/protobuf/wire";
import snappyjs from "snappyjs";

export interface DecodedSample {
  /** The value's eight bytes, in hexadecimal, highest first. */
  readonly bits: string;
  readonly value: number;
  readonly timestampMs: number;
}

export interface DecodedHistogram {
  readonly timestampMs: number;
  readonly countFloat: number | undefined;
  readonly sum: number;
  readonly sumBits: string;
  readonly schema: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly negative: Map<number, number>;
  readonly positive: Map<number, number>;
}

export interface DecodedSeries {
  readonly labels: readonly (readonly [string, string])[];
  readonly samples: DecodedSample[];
  readonly histograms: DecodedHistogram[];
}

export function unpack(body: Uint8Array): Uint8Array {
  return new Uint8Array(snappyjs.uncompress(body));
}

/** @param bytes not compressed */
export function decodeRequest(bytes: Uint8Array, version: "1.0" | "2.0"): DecodedSeries[] {
  const reader = new BinaryReader(bytes);
  const [seriesField, histogramField] = version === "1.0" ? [1, 4] : [5, 3];
  const symbols: string[] = [];
  const series: DecodedSeries[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 4 && version === "2.0") symbols.push(reader.string());
    else if (field === seriesField) {
      series.push(decodeSeries(reader.bytes(), version, histogramField, symbols));
    } else reader.skip(type, field);
  }
  if (version === "2.0" && series.length > 0 && symbols[0] !== "") {
    throw new Error("the first symbol must be empty");
  }
  return series;
}

function decodeSeries(
  bytes: Uint8Array,
  version: "1.0" | "2.0",
  histogramField: number,
  symbols: readonly string[],
): DecodedSeries {
  const reader = new BinaryReader(bytes);
  const labels: [string, string][] = [];
  const series: DecodedSeries = { labels, samples: [], histograms: [] };
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1 && version === "1.0") labels.push(decodeLabel(reader.bytes()));
    else if (field === 1) {
      const references = new BinaryReader(reader.bytes());
      while (references.pos < references.len) {
        labels.push([symbols[references.uint32()]!, symbols[references.uint32()]!]);
      }
    } else if (field === 2) series.samples.push(decodeSample(reader.bytes()));
    else if (field === histogramField) series.histograms.push(decodeHistogram(reader.bytes()));
    else reader.skip(type, field);
  }
  return series;
}

function decodeLabel(bytes: Uint8Array): [string, string] {
  const reader = new BinaryReader(bytes);
  const label: [string, string] = ["", ""];
  while (reader.pos < reader.len) label[reader.tag()[0] - 1] = reader.string();
  return label;
}

function decodeSample(bytes: Uint8Array): DecodedSample {
  const reader = new BinaryReader(bytes);
  let value = { bits: "0000000000000000", value: 0 };
  let timestampMs = 0;
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1) value = readDouble(reader);
    else if (field === 2) timestampMs = Number(reader.int64());
    else reader.skip(type, field);
  }
  return { ...value, timestampMs };
}

function readDouble(reader: BinaryReader): { bits: string; value: number } {
  const bits = BigInt(reader.fixed64()).toString(16).padStart(16, "0");
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(`0x${bits}`));
  return { bits, value: view.getFloat64(0) };
}

function decodeHistogram(bytes: Uint8Array): DecodedHistogram {
  const reader = new BinaryReader(bytes);
  const doubles = new Map<number, { bits: string; value: number }>();
  const spans: Record<number, [number, number][]> = { 8: [], 11: [] };
  const counts: Record<number, number[]> = { 10: [], 13: [] };
  let schema = 0;
  let timestampMs = 0;
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field in spans) {
      const span = new BinaryReader(reader.bytes());
      const found: [number, number] = [0, 0];
      while (span.pos < span.len) {
        const [part] = span.tag();
        found[part - 1] = part === 1 ? span.sint32() : span.uint32();
      }
      spans[field]!.push(found);
    } else if (field in counts) {
      const packed = new BinaryReader(reader.bytes());
      while (packed.pos < packed.len) counts[field]!.push(packed.double());
    } else if (field === 4) schema = reader.sint32();
    else if (field === 15) timestampMs = Number(reader.int64());
    else if (type === 1) doubles.set(field, readDouble(reader));
    else reader.skip(type, field);
  }
  const place = (spanField: number, countField: number) => {
    const placed = new Map<number, number>();
    let at = 0;
    let next = 0;
    for (const [offset, length] of spans[spanField]!) {
      at += offset;
      for (let i = 0; i < length; i++) placed.set(at++, counts[countField]![next++]!);
    }
    if (next !== counts[countField]!.length) throw new Error("spans and counts do not match");
    return placed;
  };
  return {
    timestampMs,
    schema,
    countFloat: doubles.get(2)?.value,
    sum: doubles.get(3)?.value ?? 0,
    sumBits: doubles.get(3)?.bits ?? "0000000000000000",
    zeroThreshold: doubles.get(5)?.value ?? 0,
    zeroCount: doubles.get(7)?.value ?? 0,
    negative: place(8, 10),
    positive: place(11, 13),
  };
}
