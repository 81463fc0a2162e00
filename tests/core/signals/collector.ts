/** Gathers what a decoder hands over, so that it can be compared. */
import { decodeUtf8 } from "../../../src/core/encoding.ts";
import type { HistogramPoint, SampleValue } from "../../../src/core/protocol.ts";
import { type DecodedRange, RangeDecoder } from "../../../src/core/signals/answer/range_decoder.ts";
import type { RangeSeries } from "../../../src/core/signals/batch.ts";
import type {
  Labels,
  LabelsText,
  SeriesHandler,
} from "../../../src/core/signals/series_handler.ts";
import { countSteps, type Window } from "../../../src/core/signals/windows.ts";

interface OpenSeries {
  readonly labels: string;
  values: SampleValue[] | null;
  readonly histograms: HistogramPoint[];
}

export class Collector implements SeriesHandler {
  readonly #series: OpenSeries[] = [];
  #open: OpenSeries | null = null;

  constructor(private readonly window: Window, readonly takesText = false) {}

  /** As the reference has them: in the order of their labels. */
  get series(): readonly RangeSeries[] {
    return this.#series.toSorted((a, b) => a.labels < b.labels ? -1 : 1);
  }

  begin(labels: Labels, text?: LabelsText): boolean {
    if (this.takesText && text) labels = parseText(text);
    const pairs = labels.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
    const json = `{${pairs.join(",")}}`;
    if (text && decodeUtf8(text.bytes.subarray(text.from, text.to)) !== json) {
      throw new Error(`the text is not ${json}`);
    }
    if (this.#open) throw new Error("begin within a series");
    this.#open = { labels: json, values: null, histograms: [] };
    return true;
  }

  float(index: number, bytes: Uint8Array, from: number, to: number): void {
    const text = decodeUtf8(bytes.subarray(from, to));
    const values = this.#open!.values ??= Array(countSteps(this.window)).fill(null);
    if (text === "NaN" || text === "-Inf") values[index] = text;
    else values[index] = /Inf$/.test(text) ? "+Inf" : Number(text);
  }

  histogram(point: HistogramPoint): void {
    this.#open!.histograms.push(point);
  }

  end(): void {
    this.#series.push(this.#open!);
    this.#open = null;
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }
}

function parseText({ bytes, from, to }: LabelsText): [string, string][] {
  const labels: Record<string, string> = JSON.parse(decodeUtf8(bytes.subarray(from, to)));
  return Object.keys(labels).sort().map((name) => [name, labels[name]!]);
}

export interface Streamed extends DecodedRange {
  readonly columns: readonly RangeSeries[];
}

/** @param cuts where the pieces end; the last one at the end of the bytes */
export function decodeStreamed(
  bytes: Uint8Array,
  window: Window,
  cuts: readonly number[] = [],
  takesText = false,
): Streamed {
  const collector = new Collector(window, takesText);
  const decoder = new RangeDecoder(window, collector, 1);
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    // A buffer that is gone after the call, as a connection's may be.
    const piece = bytes.slice(from, cut);
    decoder.push(piece);
    piece.fill(0x21);
    from = cut;
  }
  const decoded = decoder.finish();
  return { ...decoded, columns: collector.series };
}
