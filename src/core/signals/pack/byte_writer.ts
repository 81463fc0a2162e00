/** Bytes written one behind the other, in a buffer that grows and is used again. */
const FIRST_BYTES = 16 * 1024;
const encoder = new TextEncoder();

export class ByteWriter {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_BYTES);
  length = 0;

  /** Call before writing into `bytes`, which may be another buffer then. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.bytes.length));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  text(text: string): void {
    this.reserve(3 * text.length);
    this.length += encoder.encodeInto(text, this.bytes.subarray(this.length)).written;
  }

  /** For a few bytes. */
  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    for (let i = 0; i < bytes.length; i++) this.bytes[this.length + i] = bytes[i]!;
    this.length += bytes.length;
  }

  copy(bytes: Uint8Array, from: number, to: number): void {
    this.reserve(to - from);
    this.bytes.set(bytes.subarray(from, to), this.length);
    this.length += to - from;
  }
}
