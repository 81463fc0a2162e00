/**
 * JSON that arrives in pieces, read unit by unit: a unit is a label set, a point, a key with its value.
 * Where the bytes end within one, MORE is thrown, and it is read again from `commit()` on once there are
 * more: at least twice as many, so that the smallest pieces do not cost more than a few readings.
 * Strict RFC 8259, units bounded; everything else throws InvalidInputError `malformed_answer`.
 */
import { odd } from "./malformed.ts";
import { ByteCache, decodeText } from "./text_cache.ts";

export const MORE = Symbol("more bytes are needed");
/** Larger units are refused: nothing that a Prometheus sends comes near. */
export const MAX_UNIT_BYTES = 4 << 20;
/** Below, reading again costs nothing. */
const SMALL_BYTES = 4096;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/** Where in a list or an object the reading is. */
export interface Sequence {
  at: "start" | "element" | "behind";
}

/** A name and its text. */
export type TextPair = readonly [name: string, text: string];

export class JsonInput {
  bytes: Uint8Array = new Uint8Array(0);
  pos = 0;
  end = 0;
  /** Where the text read last stands in `bytes`, without its quotes, and whether it has escapes. */
  textFrom = 0;
  textTo = 0;
  textEscaped = false;
  readonly #texts = new ByteCache(256, decodeText);
  readonly #pairs = new ByteCache(1024, decodePair);
  #carry = new Uint8Array(0);
  #mark = 0;
  #wanted = 0;
  #ended = false;

  /** False while it is not worth reading on. The bytes must not change until `pause()`. */
  feed(chunk: Uint8Array): boolean {
    const left = this.end - this.pos;
    if (left === 0) {
      this.bytes = chunk;
      this.pos = this.#mark = 0;
      this.end = chunk.length;
    } else {
      if (this.#carry.length < this.end + chunk.length) {
        const larger = new Uint8Array(2 * (this.end + chunk.length));
        larger.set(this.#carry.subarray(0, this.end));
        this.bytes = this.#carry = larger;
      }
      this.#carry.set(chunk, this.end);
      this.end += chunk.length;
    }
    return this.end - this.pos >= this.#wanted;
  }

  /** No more bytes will come. */
  finish(): void {
    this.#ended = true;
  }

  /** What was read so far is not read again. */
  commit(): void {
    this.#mark = this.pos;
  }

  /** After MORE: goes back to the last commit and keeps the bytes from there on. */
  pause(): void {
    const left = this.end - this.#mark;
    if (left >= MAX_UNIT_BYTES) throw odd("a value", `at most ${MAX_UNIT_BYTES} bytes`);
    this.#wanted = left < SMALL_BYTES ? 0 : Math.min(2 * left, MAX_UNIT_BYTES);
    if (this.#carry.length < left) this.#carry = new Uint8Array(Math.max(2 * left, SMALL_BYTES));
    this.#carry.set(this.bytes.subarray(this.#mark, this.end));
    this.bytes = this.#carry;
    this.pos = this.#mark = 0;
    this.end = left;
  }

  /** The next byte that is not white space; -1 at the end. */
  peek(): number {
    while (this.pos < this.end) {
      const byte = this.bytes[this.pos]!;
      if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) {
        return byte;
      }
      this.pos += 1;
    }
    if (this.#ended) return -1;
    throw MORE;
  }

  /** @param sign one ASCII character */
  take(sign: string): void {
    if (this.peek() !== sign.charCodeAt(0)) throw odd("JSON", `${sign} at its place`);
    this.pos += 1;
  }

  /** True when an element follows: read it, then set `at` to `behind`. False behind the closing sign. */
  another(sequence: Sequence, close: "]" | "}"): boolean {
    if (sequence.at === "element") return true;
    const byte = this.peek();
    if (byte === close.charCodeAt(0)) {
      this.pos += 1;
      this.commit();
      return false;
    }
    if (sequence.at === "behind") {
      if (byte !== COMMA) throw odd("JSON", `, or ${close} behind an element`);
      this.pos += 1;
      this.commit();
    }
    sequence.at = "element";
    return true;
  }

  text(): string {
    if (this.peek() !== QUOTE) throw odd("JSON", "a text at its place");
    const { bytes, end } = this;
    const from = this.pos + 1;
    let escaped = false;
    let hash = 0;
    for (let at = from; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        this.textFrom = from;
        this.textTo = at;
        this.textEscaped = escaped;
        this.pos = at + 1;
        return escaped
          ? unescapeText(decodeText(bytes, from - 1, at + 1))
          : this.#texts.get(bytes, from, at, hash);
      }
      if (byte < 0x20) throw odd("a text", "no control characters");
      if (byte === BACKSLASH) {
        escaped = true;
        at += 1;
      }
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    throw this.#ended ? odd("a text", "its end") : MORE;
  }

  /** `"name":"text"` without white space and escapes; null, and nothing read, where it is not just that. */
  plainPair(): TextPair | null {
    const { bytes, end } = this;
    const from = this.pos;
    if (from >= end || bytes[from] !== QUOTE) return null;
    let hash = 0;
    let colon = -1;
    for (let at = from + 1; at < end; at++) {
      const byte = bytes[at]!;
      hash = Math.imul(hash ^ byte, 0x01000193);
      if (byte === QUOTE) {
        if (colon >= 0) {
          this.pos = at + 1;
          return this.#pairs.get(bytes, from, at + 1, hash);
        }
        if (end - at < 3 || bytes[at + 1] !== COLON || bytes[at + 2] !== QUOTE) return null;
        colon = at + 1;
        at += 2;
      } else if (byte < 0x20 || byte === BACKSLASH) {
        return null;
      }
    }
    return null;
  }

  key(): string {
    const key = this.text();
    this.take(":");
    return key;
  }

  number(): number {
    const from = (this.peek(), this.pos);
    let at = from;
    while (at < this.end && isNumeric(this.bytes[at]!)) at += 1;
    if (at === this.end && !this.#ended) throw MORE;
    const text = decodeText(this.bytes, from, at);
    if (!NUMBER.test(text)) throw odd("JSON", "a number at its place");
    this.pos = at;
    return Number(text);
  }

  /** @param word true, false or null */
  literal(word: string): void {
    for (let i = 0; i < word.length; i++) {
      if (this.pos + i >= this.end && !this.#ended) throw MORE;
      if (this.pos + i >= this.end || this.bytes[this.pos + i] !== word.charCodeAt(i)) {
        throw odd("JSON", "a value at its place");
      }
    }
    this.pos += word.length;
  }
}

function decodePair(bytes: Uint8Array, from: number, to: number): TextPair {
  const text = decodeText(bytes, from + 1, to - 1);
  const nameEnd = text.indexOf('"');
  return [text.slice(0, nameEnd), text.slice(nameEnd + 3)];
}

function isNumeric(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2e || byte === 0x2d || byte === 0x2b ||
    byte === 0x65 || byte === 0x45;
}

/** @param quoted a whole JSON text, quotes included */
function unescapeText(quoted: string): string {
  try {
    return JSON.parse(quoted);
  } catch {
    throw odd("a text", "the escapes of JSON");
  }
}
