/**
 * Packs one window for a remote-write receiver, in requests of at most so many samples. Where a series has
 * a point and at the next grid point none, it gets a stale marker there, so that a query at the receiver
 * finds nothing where the source had nothing. The points before the window say which series were alive;
 * nothing is remembered from one window to the next.
 */
import { InvalidInputError } from "../../../errors.ts";
import type { Gap, HistogramPoint } from "../../protocol.ts";
import { makeGap } from "../gap_ledger.ts";
import type { Labels, PackedWindow, Packer } from "../series_handler.ts";
import { countSteps } from "../windows.ts";
import { type PackedRequest, RemoteWriteBatch, requestId } from "./batch.ts";
import { readFloat } from "./float_value.ts";
import { gapRequest } from "./gap_samples.ts";
import { encodeHistogram, encodeStaleHistogram, isEmptyHistogram } from "./histogram.ts";
import type { SeriesLabels } from "./series_labels.ts";
import { loadSnappy } from "./snappy.ts";
import { RequestWriter, type WriteVersion, type WrittenRequest } from "./write_request.ts";

export interface RequestLayout {
  readonly version: WriteVersion;
  /** Samples, stale markers and histograms of one request. */
  readonly maxSamples: number;
  readonly labels: SeriesLabels;
  /** Whether the receiver is known to take them. */
  readonly nativeHistograms: boolean;
}

/** So that a request of a few points of many series with long labels stays small too. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;

/** Compressed: what a window may take up while it waits for the receiver. */
const MAX_WINDOW_BYTES = 32 * 1024 * 1024;

/**
 * Forms of a point. Prometheus 2 stores the floats of a request first, then the histograms with counts of
 * integers, for which it takes all empty ones, then those with counts of floats; what comes late then by
 * its time is dropped without a word. So a request holds one form of a series alone.
 */
const ABSENT = 0;
const FLOAT = 1;
const HISTOGRAM = 2;
const EMPTY_HISTOGRAM = 3;

export class RemoteWritePacker implements Packer {
  readonly #writer: RequestWriter;
  readonly #values: Float64Array;
  /** Forms, by point. */
  readonly #kinds: Uint8Array;
  #histograms = new Map<number, Uint8Array>();
  #labels: Labels = [];
  #isOpen = false;
  #points = 0;
  readonly #full: (WrittenRequest & { readonly points: number })[] = [];
  readonly #packed: PackedRequest[] = [];
  #lost: { first: number; last: number; count: number; labels: Labels } | null = null;

  readonly #lookBehind: number;
  #bytes = 0;

  constructor(private readonly content: PackedWindow, private readonly layout: RequestLayout) {
    this.#lookBehind = content.lookBehind ?? 0;
    const points = countSteps(content.window) + this.#lookBehind;
    this.#writer = new RequestWriter(layout.version);
    this.#values = new Float64Array(points);
    this.#kinds = new Uint8Array(points);
  }

  begin(labels: Labels): boolean {
    this.#labels = this.layout.labels.of(labels);
    this.#kinds.fill(ABSENT);
    this.#histograms.clear();
    return true;
  }

  float(index: number, bytes: Uint8Array, from: number, to: number): void {
    this.#values[index] = readFloat(bytes, from, to);
    this.#kinds[index] = FLOAT;
  }

  histogram(point: HistogramPoint): void {
    const { index } = point;
    const encoded = this.layout.nativeHistograms
      ? encodeHistogram(point, this.#timeOf(index))
      : null;
    if (encoded !== null) {
      this.#histograms.set(index, encoded);
      this.#kinds[index] = isEmptyHistogram(point) ? EMPTY_HISTOGRAM : HISTOGRAM;
    } else if (index >= this.#lookBehind) {
      this.#lost ??= { first: index, last: index, count: 0, labels: this.#labels };
      this.#lost.first = Math.min(this.#lost.first, index);
      this.#lost.last = Math.max(this.#lost.last, index);
      this.#lost.count += 1;
    }
  }

  end(): void {
    const kinds = this.#kinds;
    let before = this.#lookBehind > 0 ? kinds[this.#lookBehind - 1]! : ABSENT;
    let written = ABSENT;
    for (let index = this.#lookBehind; index < kinds.length; index++) {
      const kind = kinds[index]!;
      if (kind === ABSENT && before === ABSENT) continue;
      const as = kind === ABSENT ? before : kind;
      if (written !== ABSENT && written !== as) {
        this.#close();
        this.#take();
      }
      this.#write(index, kind, as);
      written = as;
      before = kind;
    }
    this.#close();
  }

  /** Throws InvalidInputError `too_large` when the window takes up too much even compressed. */
  async drain(): Promise<void> {
    if (this.#full.length === 0) return;
    const { compress } = await loadSnappy();
    const { version } = this.layout;
    for (const { bytes, samples, histograms, points } of this.#full.splice(0)) {
      const body = compress(bytes);
      this.#bytes += body.length;
      if (this.#bytes > MAX_WINDOW_BYTES) throw tooLarge();
      this.#packed.push({ version, body, samples, histograms, points });
    }
  }

  /** What this receiver cannot be sent. Known once no further series will come. */
  losses(): readonly Gap[] {
    if (this.#lost === null) return [];
    const { first, last, count, labels } = this.#lost;
    const why = this.layout.nativeHistograms
      ? "of no standard exponential schema"
      : "and remoteWrite.nativeHistograms is false";
    const example = JSON.stringify(Object.fromEntries(labels));
    const span = { startMs: this.#timeOf(first), endMs: this.#timeOf(last) };
    return [
      makeGap(span, "unsupported_by_receiver", `${count} native histograms, ${why}: ${example}`),
    ];
  }

  /** No batch at all where there is nothing to say. */
  async finish(gaps: readonly Gap[]): Promise<readonly RemoteWriteBatch[]> {
    this.#take();
    await this.drain();
    const { query: { name }, window } = this.content;
    const windowIds = this.#packed.map(({ body }) => requestId(body));
    const origin = { query: name, window, windowIds };
    const batches = this.#packed.map((packed) =>
      new RemoteWriteBatch(packed, { ...origin, isAboutGaps: false })
    );
    const { version, labels } = this.layout;
    const told = gapRequest(gaps, this.content, labels, version);
    if (told !== null) {
      const { bytes, samples, histograms } = told;
      const body = (await loadSnappy()).compress(bytes);
      const packed = { version, body, samples, histograms, points: 0 };
      batches.push(new RemoteWriteBatch(packed, { ...origin, isAboutGaps: true }));
    }
    return batches;
  }

  /** @param as what the series was: a marker of its end takes the form of what came before */
  #write(index: number, kind: number, as: number): void {
    const writer = this.#writer;
    if (writer.items >= this.layout.maxSamples) {
      this.#close();
      this.#take();
    }
    if (!this.#isOpen) {
      writer.begin(this.#labels);
      this.#isOpen = true;
    }
    const timestampMs = this.#timeOf(index);
    if (kind === FLOAT) writer.sample(this.#values[index]!, timestampMs);
    else if (kind !== ABSENT) writer.histogram(this.#histograms.get(index)!);
    else if (as === FLOAT) writer.stale(timestampMs);
    else writer.histogram(encodeStaleHistogram(timestampMs, as === EMPTY_HISTOGRAM));
    if (kind !== ABSENT) this.#points += 1;
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.#writer.end();
    this.#isOpen = false;
    if (this.#writer.length >= MAX_REQUEST_BYTES) this.#take();
  }

  #take(): void {
    if (this.#writer.items === 0) return;
    this.#full.push({ ...this.#writer.take(), points: this.#points });
    this.#points = 0;
  }

  #timeOf(index: number): number {
    const { startMs, stepMs } = this.content.window;
    return startMs + (index - this.#lookBehind) * stepMs;
  }
}

function tooLarge(): InvalidInputError {
  const what = `the window takes more than ${MAX_WINDOW_BYTES} bytes, compressed`;
  return new InvalidInputError("too_large", `the answer is too large to keep: ${what}`);
}
