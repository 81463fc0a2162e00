/**
 * One write request, written series by series: prometheus.WriteRequest (1.0) or
 * io.prometheus.write.v2.Request (2.0). Both name samples and histograms alike; 2.0 keeps each text once.
 * https://prometheus.io/docs/specs/prw/remote_write_spec and …_2_0
 */
import type { Labels } from "../series_handler.ts";
import { ProtobufWriter } from "./protobuf_writer.ts";

export type WriteVersion = "1.0" | "2.0";

/** Tags: field number × 8 + wire type. */
const NAME = 0x0a;
const VALUE = 0x12;
const SAMPLE = 0x12;
const SAMPLE_VALUE = 0x09;
const SAMPLE_TIME = 0x10;
const LABEL_1 = 0x0a;
const SERIES_1 = 0x0a;
const HISTOGRAM_1 = 0x22;
const REFERENCES_2 = 0x0a;
const HISTOGRAM_2 = 0x1a;
const SYMBOL_2 = 0x22;
const SERIES_2 = 0x2a;

export interface WrittenRequest {
  /** Not compressed. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Floats, stale markers included. */
  readonly samples: number;
  readonly histograms: number;
}

export class RequestWriter {
  readonly #body = new ProtobufWriter();
  readonly #symbols = new Map<string, number>();
  readonly #symbolBytes = new ProtobufWriter();
  #mark = 0;
  #samples = 0;
  #histograms = 0;

  constructor(readonly version: WriteVersion) {}

  /** Samples, stale markers and histograms. */
  get items(): number {
    return this.#samples + this.#histograms;
  }

  get length(): number {
    return this.#body.length + this.#symbolBytes.length;
  }

  /** @param labels in the order of their names' bytes, none of them empty */
  begin(labels: Labels): void {
    const body = this.#body;
    if (this.version === "1.0") {
      this.#mark = body.open(SERIES_1);
      for (const [name, value] of labels) {
        const mark = body.open(LABEL_1);
        body.text(NAME, name);
        body.text(VALUE, value);
        body.close(mark);
      }
      return;
    }
    this.#mark = body.open(SERIES_2);
    const mark = body.open(REFERENCES_2);
    for (const [name, value] of labels) {
      body.varint(this.#reference(name));
      body.varint(this.#reference(value));
    }
    body.close(mark);
  }

  end(): void {
    this.#body.close(this.#mark);
  }

  sample(value: number, timestampMs: number): void {
    const mark = this.#body.open(SAMPLE);
    // What is zero is left out, and a negative zero is not that.
    if (!Object.is(value, 0)) {
      this.#body.tag(SAMPLE_VALUE);
      this.#body.double(value);
    }
    this.#endSample(mark, timestampMs);
  }

  stale(timestampMs: number): void {
    const mark = this.#body.open(SAMPLE);
    this.#body.tag(SAMPLE_VALUE);
    this.#body.staleMarker();
    this.#endSample(mark, timestampMs);
  }

  /** @param message an encoded Histogram */
  histogram(message: Uint8Array): void {
    this.#body.tag(this.version === "1.0" ? HISTOGRAM_1 : HISTOGRAM_2);
    this.#body.varint(message.length);
    this.#body.bytes(message);
    this.#histograms += 1;
  }

  /** A sample that another request held. @param message an encoded Sample */
  rawSample(message: Uint8Array): void {
    this.#body.tag(SAMPLE);
    this.#body.varint(message.length);
    this.#body.bytes(message);
    this.#samples += 1;
  }

  /** The request; the writer begins the next one. */
  take(): WrittenRequest {
    const body = this.#body.take();
    const written = { samples: this.#samples, histograms: this.#histograms };
    this.#samples = 0;
    this.#histograms = 0;
    if (this.version === "1.0") return { bytes: body, ...written };
    const symbols = this.#symbolBytes.take();
    this.#symbols.clear();
    const bytes = new Uint8Array(symbols.length + body.length);
    bytes.set(symbols);
    bytes.set(body, symbols.length);
    return { bytes, ...written };
  }

  #endSample(mark: number, timestampMs: number): void {
    if (timestampMs > 0) {
      this.#body.tag(SAMPLE_TIME);
      this.#body.varint(timestampMs);
    }
    this.#body.close(mark);
    this.#samples += 1;
  }

  #reference(text: string): number {
    // The first one must be empty.
    if (this.#symbols.size === 0 && text !== "") this.#reference("");
    let reference = this.#symbols.get(text);
    if (reference === undefined) {
      reference = this.#symbols.size;
      this.#symbols.set(text, reference);
      this.#symbolBytes.text(SYMBOL_2, text);
    }
    return reference;
  }
}
