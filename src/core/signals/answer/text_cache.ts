/**
 * Label names and most label values come again with every series: a text that is known is not decoded, and
 * not held, a second time. One slot for each hash, the newest text wins, so memory is fixed.
 */
import { odd } from "./malformed.ts";

const SLOTS = 2048;
/** Longer texts are decoded each time. */
const MAX_BYTES = 128;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class TextCache {
  readonly #texts = new Array<string | null>(SLOTS).fill(null);
  readonly #lengths = new Uint8Array(SLOTS);
  readonly #bytes = new Uint8Array(SLOTS * MAX_BYTES);

  /**
   * Throws InvalidInputError `malformed_answer` on bytes that are not UTF-8.
   * @param hash of the bytes; any 32-bit hash
   */
  get(bytes: Uint8Array, from: number, to: number, hash: number): string {
    const length = to - from;
    if (length > MAX_BYTES) return decodeText(bytes, from, to);
    const slot = (hash ^ (hash >>> 11) ^ (hash >>> 22)) & (SLOTS - 1);
    const start = slot * MAX_BYTES;
    const known = this.#texts[slot]!;
    if (known !== null && this.#lengths[slot] === length) {
      const kept = this.#bytes;
      let i = 0;
      while (i < length && kept[start + i] === bytes[from + i]) i++;
      if (i === length) return known;
    }
    const text = decodeText(bytes, from, to);
    this.#bytes.set(bytes.subarray(from, to), start);
    this.#lengths[slot] = length;
    this.#texts[slot] = text;
    return text;
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
