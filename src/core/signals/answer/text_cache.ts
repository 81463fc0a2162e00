/**
 * Label names and most labels come again with every series: what is known is not decoded, and not held, a
 * second time. One slot for each hash, the newest bytes win, so memory is fixed.
 */
import { odd } from "./malformed.ts";

/** Longer ones are made each time. */
const MAX_BYTES = 192;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class ByteCache<T> {
  readonly #known: (T | null)[];
  readonly #lengths: Uint8Array;
  #bytes: Uint8Array | null = null;

  /**
   * @param slots a power of two
   * @param make what the bytes stand for
   */
  constructor(
    private readonly slots: number,
    private readonly make: (bytes: Uint8Array, from: number, to: number) => T,
  ) {
    this.#known = new Array<T | null>(slots).fill(null);
    this.#lengths = new Uint8Array(slots);
  }

  /** @param hash of the bytes; any 32-bit hash */
  get(bytes: Uint8Array, from: number, to: number, hash: number): T {
    const length = to - from;
    if (length > MAX_BYTES) return this.make(bytes, from, to);
    const slot = (hash ^ (hash >>> 11) ^ (hash >>> 22)) & (this.slots - 1);
    const start = slot * MAX_BYTES;
    const kept = this.#bytes ??= new Uint8Array(this.slots * MAX_BYTES);
    const known = this.#known[slot]!;
    if (known !== null && this.#lengths[slot] === length) {
      let i = 0;
      while (i < length && kept[start + i] === bytes[from + i]) i++;
      if (i === length) return known;
    }
    const made = this.make(bytes, from, to);
    for (let i = 0; i < length; i++) kept[start + i] = bytes[from + i]!;
    this.#lengths[slot] = length;
    this.#known[slot] = made;
    return made;
  }
}

/** Throws InvalidInputError `malformed_answer` on bytes that are not UTF-8. */
export function decodeText(bytes: Uint8Array, from: number, to: number): string {
  try {
    return decoder.decode(bytes.subarray(from, to));
  } catch {
    throw odd("a text", "UTF-8");
  }
}
