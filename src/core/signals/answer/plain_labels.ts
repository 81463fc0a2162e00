/**
 * Label sets as nearly all are written: ASCII without escapes, without white space, ordered by name. They
 * are RFC 8785 text as they stand, and whoever needs no more than that text is spared their decoding.
 */
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const CLOSE = 0x7d;

/**
 * Where the label set that begins at `from` with a brace ends; -1 when it is not written so, or not whole.
 * Each name is once in it, as they rise.
 */
export function endOfPlainLabels(bytes: Uint8Array, from: number, end: number): number {
  let at = from + 1;
  if (at < end && bytes[at] === CLOSE) return at + 1;
  let lastName = -1;
  for (;;) {
    const name = at;
    at = endOfText(bytes, name, end);
    if (at < 0 || end - at < 3 || bytes[at] !== COLON) return -1;
    if (lastName >= 0 && !rises(bytes, lastName, name)) return -1;
    lastName = name;
    at = endOfText(bytes, at + 1, end);
    if (at < 0 || at >= end) return -1;
    if (bytes[at] === CLOSE) return at + 1;
    if (bytes[at] !== COMMA) return -1;
    at += 1;
  }
}

/** Behind the closing quote; -1 when there is none, or another character than plain ones before it. */
function endOfText(bytes: Uint8Array, from: number, end: number): number {
  if (from >= end || bytes[from] !== QUOTE) return -1;
  for (let at = from + 1; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte < 0x20 || byte >= 0x80 || byte === BACKSLASH) return -1;
  }
  return -1;
}

/** Whether the second of two quoted texts comes after the first. */
function rises(bytes: Uint8Array, a: number, b: number): boolean {
  for (let i = 1;; i++) {
    const left = bytes[a + i]!;
    const right = bytes[b + i]!;
    if (left === QUOTE) return right !== QUOTE;
    if (right === QUOTE) return false;
    if (left !== right) return left < right;
  }
}
