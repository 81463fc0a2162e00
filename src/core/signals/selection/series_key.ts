/**
 * 128 bits that stand for a label set in memory: a hundred thousand label sets as text would be 20 MB for
 * each query. Not cryptographic: whoever can choose labels at will can at most have series of their own
 * taken for one another, which is counted as dropped.
 */
import type { LabelsText } from "../series_handler.ts";

/** Eight UTF-16 code units, of which any may be a lone surrogate: for a Map or a Set, never for output. */
export function seriesKey({ bytes, from, to }: LabelsText): string {
  let a = 1, b = 2, c = 3, d = to - from;
  let at = from;
  // Four rounds more than there are words: the last one reaches every bit.
  for (const end = to + 16; at < end; at += 4) {
    // Beyond the text there are zeros: its length was the beginning.
    const word = at + 4 <= to
      ? bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
      : rest(bytes, at, to);
    a ^= word;
    a = Math.imul(((a << 5) | (a >>> 27)) + d, 0x9e3779b1);
    b ^= word;
    b = Math.imul(((b << 11) | (b >>> 21)) + a, 0x85ebca77);
    c ^= word;
    c = Math.imul(((c << 17) | (c >>> 15)) + b, 0xc2b2ae3d);
    d ^= word;
    d = Math.imul(((d << 23) | (d >>> 9)) + c, 0x27d4eb2f);
  }
  return String.fromCharCode(
    a >>> 16,
    a & 0xffff,
    b >>> 16,
    b & 0xffff,
    c >>> 16,
    c & 0xffff,
    d >>> 16,
    d & 0xffff,
  );
}

function rest(bytes: Uint8Array, at: number, to: number): number {
  let word = 0;
  for (let i = at; i < to; i++) word |= bytes[i]! << (8 * (i - at));
  return word;
}
