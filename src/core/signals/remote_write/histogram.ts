/**
 * A native histogram, as query_range shows it, to the message Histogram of remote write. The answer names
 * the bounds of each bucket that is not empty; the message names a schema and the place of each: bucket i
 * of schema s ends at 2^(i × 2^-s). Buckets that are not of such a schema (custom bounds) have no message.
 */
import type { HistogramPoint } from "../../protocol.ts";
import { ProtobufWriter } from "./protobuf_writer.ts";

const MIN_SCHEMA = -4;
const MAX_SCHEMA = 8;
/** How far a bound may lie from its place, in buckets: far more than a rounding, far less than a bucket. */
const TOLERANCE = 1e-5;
/** What Prometheus takes for the width of a zero bucket when nobody said. */
const ZERO_THRESHOLD = 2 ** -128;

/** Rules of a bucket's bounds: only the left one is open, only the right one, both are closed. */
const OPEN_LEFT = 0;
const OPEN_RIGHT = 1;
const CLOSED = 3;

/** Tags of Histogram and BucketSpan: field number × 8 + wire type. */
const COUNT_FLOAT = 0x11;
const SUM = 0x19;
const SCHEMA = 0x20;
const ZERO_BOUND = 0x29;
const ZERO_COUNT_FLOAT = 0x39;
const NEGATIVE = { spans: 0x42, counts: 0x52 };
const POSITIVE = { spans: 0x5a, counts: 0x6a };
const TIMESTAMP = 0x78;
const OFFSET = 0x08;
const LENGTH = 0x10;

interface Bucket {
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
}

/** null when its buckets are of no standard exponential schema. */
export function encodeHistogram(
  { count, sum, buckets }: HistogramPoint,
  timestampMs: number,
): Uint8Array | null {
  const positive: Bucket[] = [];
  const negative: Bucket[] = [];
  let zero: { readonly upper: number; readonly count: number } = {
    upper: ZERO_THRESHOLD,
    count: 0,
  };
  for (const [rule, lower, upper, text] of buckets) {
    const bucket = { lower: Number(lower), upper: Number(upper), count: Number(text) };
    if (rule === CLOSED && bucket.lower === -bucket.upper) zero = bucket;
    else if (rule === OPEN_LEFT) positive.push(bucket);
    // Mirrored, so that the same arithmetic holds.
    else if (rule === OPEN_RIGHT) {
      negative.push({ ...bucket, lower: -bucket.upper, upper: -bucket.lower });
    } else return null;
  }
  const schema = findSchema(positive[0] ?? negative[0]);
  if (schema === null) return null;
  const above = placeBuckets(positive, schema);
  const below = placeBuckets(negative, schema);
  if (above === null || below === null) return null;

  const writer = new ProtobufWriter();
  // Written where they are zero too: which of two fields is there says that counts are floats.
  writeDouble(writer, COUNT_FLOAT, Number(count));
  writeDouble(writer, SUM, readFloat(sum));
  writer.tag(SCHEMA);
  writer.zigzag(schema);
  writeDouble(writer, ZERO_BOUND, zero.upper);
  writeDouble(writer, ZERO_COUNT_FLOAT, zero.count);
  writeBuckets(writer, NEGATIVE, below);
  writeBuckets(writer, POSITIVE, above);
  return endHistogram(writer, timestampMs);
}

/**
 * The histogram that says that a series of histograms ended.
 * @param isEmpty like those before it: `RemoteWritePacker` says why that matters
 */
export function encodeStaleHistogram(timestampMs: number, isEmpty: boolean): Uint8Array {
  const writer = new ProtobufWriter();
  writeDouble(writer, COUNT_FLOAT, isEmpty ? 0 : 1);
  writer.tag(SUM);
  writer.staleMarker();
  writeDouble(writer, ZERO_COUNT_FLOAT, 0);
  return endHistogram(writer, timestampMs);
}

/** Whether all of its counts are zero. */
export function isEmptyHistogram({ count, buckets }: HistogramPoint): boolean {
  return Number(count) === 0 &&
    buckets.every(([rule, , , text]) => rule !== CLOSED || Number(text) === 0);
}

function endHistogram(writer: ProtobufWriter, timestampMs: number): Uint8Array {
  writer.tag(TIMESTAMP);
  writer.varint(timestampMs);
  return writer.take();
}

/** Any will do for a histogram that has nothing but a zero bucket. */
function findSchema(bucket: Bucket | undefined): number | null {
  if (bucket === undefined) return 0;
  const schema = Math.round(-Math.log2(Math.log2(bucket.upper) - Math.log2(bucket.lower)));
  return schema >= MIN_SCHEMA && schema <= MAX_SCHEMA ? schema : null;
}

/** Counts by place, in the order of places; null when one lies on none, or two on one. */
function placeBuckets(
  buckets: readonly Bucket[],
  schema: number,
): readonly (readonly [place: number, count: number])[] | null {
  const scale = 2 ** schema;
  const placed: [number, number][] = [];
  for (const { lower, upper, count } of buckets) {
    const exact = Math.log2(upper) * scale;
    const place = Math.round(exact);
    const isThere = Math.abs(exact - place) < TOLERANCE &&
      Math.abs(Math.log2(lower) * scale - (place - 1)) < TOLERANCE;
    if (!isThere) return null;
    placed.push([place, count]);
  }
  placed.sort(([a], [b]) => a - b);
  return placed.some(([place], i) => placed[i - 1]?.[0] === place) ? null : placed;
}

function writeBuckets(
  writer: ProtobufWriter,
  tags: { readonly spans: number; readonly counts: number },
  placed: readonly (readonly [place: number, count: number])[],
): void {
  if (placed.length === 0) return;
  let end = 0;
  for (let i = 0; i < placed.length;) {
    const first = placed[i]![0];
    let length = 1;
    while (placed[i + length]?.[0] === first + length) length += 1;
    const mark = writer.open(tags.spans);
    writer.tag(OFFSET);
    writer.zigzag(first - end);
    writer.tag(LENGTH);
    writer.varint(length);
    writer.close(mark);
    end = first + length;
    i += length;
  }
  const mark = writer.open(tags.counts);
  for (const [, count] of placed) writer.double(count);
  writer.close(mark);
}

function writeDouble(writer: ProtobufWriter, tag: number, value: number): void {
  writer.tag(tag);
  writer.double(value);
}

function readFloat(text: string): number {
  return Number(text.replace("Inf", "Infinity"));
}
