/** One write request, ready to go out, and how it is cut when a receiver does not take it whole. */
import { sha256Hex } from "../../encoding.ts";
import type { OutgoingBatch, QuarantinedContent } from "../series_handler.ts";
import { alignDown, type Window } from "../windows.ts";
import { countPoints, readRequest, type RequestSeries, writeAgain } from "./read_request.ts";
import { loadSnappy } from "./snappy.ts";
import type { WriteVersion } from "./write_request.ts";

export interface PackedRequest {
  readonly version: WriteVersion;
  /** Compressed. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** Stale markers included. */
  readonly samples: number;
  readonly histograms: number;
  /** Without them. */
  readonly points: number;
}

export interface RequestOrigin {
  readonly query: string;
  readonly window: Window;
  /** Of all requests of the window, before anything was cut. */
  readonly windowIds: readonly string[];
  /** Tells of gaps, and holds nothing of the source. */
  readonly isAboutGaps: boolean;
}

const CONTENT_TYPES: Readonly<Record<WriteVersion, string>> = {
  "1.0": "application/x-protobuf",
  "2.0": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
};
const VERSION_HEADERS: Readonly<Record<WriteVersion, string>> = { "1.0": "0.1.0", "2.0": "2.0.0" };
const MAX_NAMED_SERIES = 3;

export function requestId(body: Uint8Array): string {
  return sha256Hex(body);
}

export class RemoteWriteBatch implements OutgoingBatch {
  readonly batchId: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(readonly packed: PackedRequest, readonly origin: RequestOrigin) {
    this.batchId = requestId(packed.body);
    this.headers = {
      "content-encoding": "snappy",
      "content-type": CONTENT_TYPES[packed.version],
      "x-prometheus-remote-write-version": VERSION_HEADERS[packed.version],
    };
  }

  get body(): Uint8Array<ArrayBuffer> {
    return this.packed.body;
  }

  get query(): string {
    return this.origin.query;
  }

  get window(): Window {
    return this.origin.window;
  }

  get points(): number {
    return this.packed.points;
  }

  async split(): Promise<readonly [RemoteWriteBatch, RemoteWriteBatch] | null> {
    const series = await this.#read();
    const times = new Set(series.flatMap(({ items }) => items.map((item) => item.timestampMs)));
    if (series.length > 1 && series.length >= times.size) {
      const middle = Math.ceil(series.length / 2);
      return [
        await this.#part(series.slice(0, middle), this.window),
        await this.#part(series.slice(middle), this.window),
      ];
    }
    if (times.size < 2) return null;
    const sorted = [...times].sort((a, b) => a - b);
    const { before, after } = await this.cutAt(sorted[Math.ceil(sorted.length / 2)]!);
    return [before!, after!];
  }

  /** What lies before a time, and the rest; null where there is nothing. */
  async cutAt(timeMs: number): Promise<{
    readonly before: RemoteWriteBatch | null;
    readonly after: RemoteWriteBatch | null;
  }> {
    const series = await this.#read();
    const part = async (wanted: (timestampMs: number) => boolean, window: Window) => {
      const kept = series.map(({ labels, items }) => ({
        labels,
        items: items.filter(({ timestampMs }) => wanted(timestampMs)),
      })).filter(({ items }) => items.length > 0);
      return kept.length === 0 ? null : await this.#part(kept, window);
    };
    const { startMs, endMs, stepMs } = this.window;
    const last = Math.min(endMs, alignDown(timeMs - 1, stepMs));
    return {
      before: await part((ms) => ms < timeMs, { startMs, endMs: last, stepMs }),
      after: await part((ms) => ms >= timeMs, {
        startMs: Math.max(startMs, timeMs),
        endMs,
        stepMs,
      }),
    };
  }

  /** The same content for a receiver that does not know 2.0. */
  async asVersion1(): Promise<RemoteWriteBatch> {
    if (this.packed.version === "1.0") return this;
    return await this.#part(await this.#read(), this.window, "1.0");
  }

  async content(): Promise<QuarantinedContent> {
    const bytes = (await loadSnappy()).uncompress(this.body);
    const texts = [
      ...new Set(
        readRequest(bytes, this.packed.version).map(({ labels }) =>
          JSON.stringify(Object.fromEntries(labels))
        ),
      ),
    ];
    const named = texts.slice(0, MAX_NAMED_SERIES).join(", ");
    const rest = texts.length > MAX_NAMED_SERIES ? ", …" : "";
    return { bytes, suffix: "pb", description: `${texts.length} series ${named}${rest}` };
  }

  async #read(): Promise<RequestSeries[]> {
    return readRequest((await loadSnappy()).uncompress(this.body), this.packed.version);
  }

  async #part(
    series: readonly RequestSeries[],
    window: Window,
    version = this.packed.version,
  ): Promise<RemoteWriteBatch> {
    const { bytes, samples, histograms } = writeAgain(series, version);
    const body = (await loadSnappy()).compress(bytes);
    const packed = { version, body, samples, histograms, points: countPoints(series) };
    return new RemoteWriteBatch(packed, { ...this.origin, window });
  }
}
