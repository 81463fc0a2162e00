/**
 * Protobuf's wire format, as far as a write request needs it. Ours, since a general writer costs several
 * calls for each of the 18 bytes of a sample, and none can write the bits of a certain NaN: decision 35.
 * https://protobuf.dev/programming-guides/encoding
 */

const FIRST_SIZE = 64 * 1024;
const BITS_28 = 0x1000_0000;
/** What a length is given at first, enough for a sample and a label; what is longer is moved. */
const LENGTH_BYTES = 1;
const NAN_HIGH = 0x7ff8_0000;
const STALE_HIGH = 0x7ff0_0000;

const encoder = new TextEncoder();

export class ProtobufWriter {
  #bytes = new Uint8Array(FIRST_SIZE);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  get length(): number {
    return this.#at;
  }

  /** A copy of what was written; the writer begins anew. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#at);
    this.#at = 0;
    return taken;
  }

  /** @param value a safe integer, not negative */
  varint(value: number): void {
    this.#reserve(8);
    let low = value;
    if (value >= BITS_28) {
      low = value % BITS_28;
      const high = (value - low) / BITS_28;
      for (let i = 0; i < 4; i++) {
        this.#bytes[this.#at++] = (low & 0x7f) | 0x80;
        low >>>= 7;
      }
      low = high;
    }
    while (low > 0x7f) {
      this.#bytes[this.#at++] = (low & 0x7f) | 0x80;
      low >>>= 7;
    }
    this.#bytes[this.#at++] = low;
  }

  /** Of a field that holds a signed integer as sint32 or sint64. */
  zigzag(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** @param tag field number × 8 + wire type, below 128 */
  tag(tag: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = tag;
  }

  /** Eight bytes. Every NaN becomes the one that Prometheus uses for a value that is not a number. */
  double(value: number): void {
    this.#reserve(8);
    if (value === value) this.#view.setFloat64(this.#at, value, true);
    else this.#writeNan(NAN_HIGH, 1);
    this.#at += 8;
  }

  /** Eight bytes: the NaN that says that a series ended here. */
  staleMarker(): void {
    this.#reserve(8);
    this.#writeNan(STALE_HIGH, 2);
    this.#at += 8;
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** A string or message field's tag, length and bytes. */
  text(tag: number, text: string): void {
    this.tag(tag);
    const at = this.#at;
    const { length } = text;
    if (length < 0x80) {
      this.#reserve(length + 1);
      this.#bytes[this.#at++] = length;
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 0x7f) break;
        this.#bytes[this.#at++] = code;
      }
      if (i === length) return;
      this.#at = at;
    }
    const encoded = encoder.encode(text);
    this.varint(encoded.length);
    this.bytes(encoded);
  }

  /** Begins a field with a length that is not known yet. @returns what `close` needs */
  open(tag: number): number {
    this.tag(tag);
    this.#reserve(LENGTH_BYTES);
    const mark = this.#at;
    this.#at += LENGTH_BYTES;
    return mark;
  }

  /** Ends the field that was opened last. */
  close(mark: number): void {
    const from = mark + LENGTH_BYTES;
    const length = this.#at - from;
    const size = varintSize(length);
    if (size !== LENGTH_BYTES) {
      this.#reserve(size);
      this.#bytes.copyWithin(mark + size, from, this.#at);
    }
    this.#at = mark;
    this.varint(length);
    this.#at += length;
  }

  #writeNan(high: number, low: number): void {
    this.#view.setUint32(this.#at, low, true);
    this.#view.setUint32(this.#at + 4, high, true);
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + size));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) size += 1;
  return size;
}
