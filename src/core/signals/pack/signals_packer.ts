/**
 * Packs a window for POST /signals. A batch is closed with the series that fills it, whatever the pieces
 * were in which the answer came, so that the same answer gives the same batches; it is compressed in
 * the next pause, and only compressed ones are kept.
 */
import { InvalidInputError } from "../../../errors.ts";
import { sha256Of } from "../../sha256.ts";
import type { Gap, HistogramPoint } from "../../protocol.ts";
import { encodeLabels } from "../answer/label_reader.ts";
import { type EncodedBatch, frameBatch } from "../batch.ts";
import type { BatchEncoding } from "../compression.ts";
import type { Labels, LabelsText, OutgoingBatch, PackedWindow, Packer } from "../series_handler.ts";
import { countSteps } from "../windows.ts";
import { ByteWriter } from "./byte_writer.ts";
import { ColumnWriter } from "./column_writer.ts";
import { SignalsRequest } from "./signals_batch.ts";

/** Of JSON, before compression: what a receiver unpacks at once. */
const BATCH_BYTES = 1 << 20;
/** No series may make a batch larger than this; receivers refuse more than 64 MiB. */
const MAX_BATCH_BYTES = 32 << 20;
/** Compressed: what a window may take up while it waits for the receiver. */
const MAX_WINDOW_BYTES = 32 << 20;

export interface PackerLimits {
  readonly batchBytes?: number;
  readonly maxWindowBytes?: number;
}

export class SignalsPacker implements Packer {
  readonly takesText = true;
  #open: ColumnWriter;
  #full: ColumnWriter[] = [];
  #free: ColumnWriter[] = [];
  readonly #json = new ByteWriter();
  readonly #batches: SignalsRequest[] = [];
  #bytes = 0;
  readonly #batchBytes: number;
  readonly #maxWindowBytes: number;

  constructor(
    private readonly packed: PackedWindow,
    private readonly encoding: BatchEncoding,
    limits: PackerLimits = {},
  ) {
    this.#open = new ColumnWriter(countSteps(packed.window));
    this.#batchBytes = limits.batchBytes ?? BATCH_BYTES;
    this.#maxWindowBytes = limits.maxWindowBytes ?? MAX_WINDOW_BYTES;
  }

  begin(labels: Labels, text: LabelsText = encodeLabels(labels)): boolean {
    this.#open.begin(text);
    return true;
  }

  float(index: number, bytes: Uint8Array, from: number, to: number): void {
    this.#open.float(index, bytes, from, to);
  }

  histogram(point: HistogramPoint): void {
    this.#open.histogram(point);
    if (this.#open.length > MAX_BATCH_BYTES) {
      throw tooLarge(`one series takes more than ${MAX_BATCH_BYTES} bytes`);
    }
  }

  end(): void {
    this.#open.end();
    if (this.#open.length < this.#batchBytes) return;
    this.#full.push(this.#open);
    this.#open = this.#free.pop() ?? new ColumnWriter(countSteps(this.packed.window));
  }

  /** Throws InvalidInputError `too_large` when the window takes up too much even compressed. */
  async drain(): Promise<void> {
    while (this.#full.length > 0) {
      const columns = this.#full.shift()!;
      await this.#close(columns, []);
      columns.clear();
      this.#free.push(columns);
    }
  }

  async finish(gaps: readonly Gap[]): Promise<readonly OutgoingBatch[]> {
    await this.drain();
    if (!this.#open.isEmpty || gaps.length > 0 || this.#batches.length === 0) {
      await this.#close(this.#open, gaps);
    }
    return this.#batches;
  }

  async #close(columns: ColumnWriter, gaps: readonly Gap[]): Promise<void> {
    const batch = await SignalsRequest.pack(
      this.packed,
      this.#encode(columns, gaps),
      this.encoding,
    );
    this.#bytes += batch.body.length;
    // Gaps are always sent: what they stand for can be had in no other way.
    if (this.#bytes > this.#maxWindowBytes && !columns.isEmpty) {
      throw tooLarge(`the window takes more than ${this.#maxWindowBytes} bytes, compressed`);
    }
    this.#batches.push(batch);
  }

  /** The JSON stands in a buffer that the next batch is written over. */
  #encode(columns: ColumnWriter, gaps: readonly Gap[]): EncodedBatch {
    const { head, middle, tail } = frameBatch(this.packed, gaps);
    const out = this.#json;
    out.length = 0;
    out.reserve(columns.length + 4 * (head.length + middle.length + tail.length));
    out.text('{"batchId":"');
    const idAt = out.length;
    out.text(`${"0".repeat(64)}",`);
    const restAt = out.length;
    out.text(head);
    columns.histograms.writeTo(out);
    out.text(middle);
    columns.floats.writeTo(out);
    out.text(`${tail}}`);
    const batchId = sha256Of("{", out.bytes.subarray(restAt, out.length)).toHex();
    const { length } = out;
    out.length = idAt;
    out.text(batchId);
    out.length = length;
    return { batchId, json: out.bytes.subarray(0, length), points: columns.points };
  }
}

function tooLarge(what: string): InvalidInputError {
  return new InvalidInputError("too_large", `the answer is too large to keep: ${what}`);
}
