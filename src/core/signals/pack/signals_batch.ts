/** One request to POST /signals. What it holds is unpacked again only where a receiver refuses it. */
import { type Gap, SIGNALS_MEDIA_TYPE } from "../../protocol.ts";
import { encodeBatch, type EncodedBatch } from "../batch.ts";
import { halvePiece, type Piece, readBatchSeries } from "../batch_pieces.ts";
import { type BatchEncoding, compress, decompress } from "../compression.ts";
import type { OutgoingBatch, PackedWindow } from "../series_handler.ts";

export class SignalsRequest implements OutgoingBatch {
  private constructor(
    private readonly packed: PackedWindow,
    private readonly encoding: BatchEncoding,
    readonly body: Uint8Array<ArrayBuffer>,
    readonly batchId: string,
    readonly points: number,
  ) {}

  /** @param batch its bytes are not needed any more once this resolves */
  static async pack(
    packed: PackedWindow,
    { json, batchId, points }: EncodedBatch,
    encoding: BatchEncoding,
  ): Promise<SignalsRequest> {
    return new SignalsRequest(packed, encoding, await compress(json, encoding), batchId, points);
  }

  get headers(): Readonly<Record<string, string>> {
    return {
      "content-type": SIGNALS_MEDIA_TYPE,
      "content-encoding": this.encoding,
      "idempotency-key": this.batchId,
    };
  }

  get query(): string {
    return this.packed.query.name;
  }

  get window() {
    return this.packed.window;
  }

  async split(): Promise<readonly [SignalsRequest, SignalsRequest] | null> {
    const halves = halvePiece({
      window: this.window,
      series: readBatchSeries(await this.#unpack()),
    });
    if (!halves) return null;
    return [await this.#repack(halves[0]), await this.#repack(halves[1])];
  }

  async content() {
    const bytes = await this.#unpack();
    const series = readBatchSeries(bytes);
    const description = series.length === 1
      ? `series ${series[0]!.labels}`
      : `${series.length} series`;
    return { bytes, description };
  }

  async #unpack(): Promise<Uint8Array> {
    return await decompress(this.body, this.encoding);
  }

  async #repack({ window, series }: Piece): Promise<SignalsRequest> {
    const packed = { ...this.packed, window };
    const gaps: readonly Gap[] = [];
    return await SignalsRequest.pack(
      packed,
      encodeBatch({ ...packed, series, gaps }),
      this.encoding,
    );
  }
}
