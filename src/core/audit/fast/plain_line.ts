/**
 * Recognises an audit record that is plain: certainly canonical, certainly within every bound, and of no
 * type that means something to the log itself. What it does not know for certain it leaves to `decodeRecord`
 * of record.ts: it may say no to a good line, and never yes to one that is refused there.
 */
import { MAX_LINE_BYTES } from "../record.ts";

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const MINUS = 45;
const ZERO = 48;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const CLOSE_BRACE = 125;
const HASH_DIGITS = 64;
/** Every integer of so many digits is one that JSON numbers hold exactly. */
const MAX_DIGITS = 15;

const bytesOf = (text: string) => new TextEncoder().encode(text);
const ACTOR = bytesOf(`{"actor":`);
const DATA = bytesOf(`,"data":{`);
const HASH = bytesOf(`,"hash":"`);
const PREV = bytesOf(`","prev":"`);
const SEQ = bytesOf(`","seq":`);
const SUBJECT = bytesOf(`,"subject":`);
const TIME = bytesOf(`,"timeMs":`);
const TYPE = bytesOf(`,"type":`);
const WORDS = ["true", "false", "null"].map(bytesOf);
/** A name that JavaScript treats in a way of its own. */
const PROTO = bytesOf("__proto__");
/** Records of the log and of the agent themselves: few, and of interest to whoever looks on. */
const OWN = [`"audit.`, `"agent.`].map(bytesOf);

/** 1: printable ASCII that stands for itself in a string. */
const LITERAL = new Uint8Array(256).fill(1, 32, 127);
LITERAL[QUOTE] = LITERAL[BACKSLASH] = 0;
/** 1: a lower-case hex digit. */
const HEX = new Uint8Array(256).fill(1, ZERO, ZERO + 10).fill(1, 97, 103);
/** 1: what may follow a backslash in canonical JSON; `\u` is left to others. */
const ESCAPED = new Uint8Array(256);
for (const character of bytesOf(`"\\bfnrt`)) ESCAPED[character] = 1;

export class PlainLine {
  /** Where `"hash":"` begins: what is before it, and what is from `prevAt - 8` on, is hashed. */
  cut = 0;
  /** First digit of `hash` and of `prev`. */
  hashAt = 0;
  prevAt = 0;
  seq = 0;
  timeMs = 0;
  #bytes: Uint8Array = new Uint8Array();
  #at = 0;

  /** Whether `bytes` from `start` to `end`, a line without its line feed, is a plain record. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.#at = start;
    if (end - start >= MAX_LINE_BYTES) return false;
    if (!this.#is(ACTOR) || !this.#text(300) || !this.#is(DATA) || !this.#data()) return false;
    this.cut = this.#at + 1;
    if (!this.#is(HASH)) return false;
    this.hashAt = this.#at;
    if (!this.#digest() || !this.#is(PREV)) return false;
    this.prevAt = this.#at;
    if (!this.#digest() || !this.#is(SEQ)) return false;
    this.seq = this.#integer();
    if (this.seq < 1 || !this.#is(SUBJECT) || !this.#text(2000) || !this.#is(TIME)) return false;
    this.timeMs = this.#integer();
    if (this.timeMs < 0 || !this.#is(TYPE)) return false;
    const type = this.#at;
    if (!this.#text(100) || this.#at - type < 3) return false;
    if (OWN.some((start) => this.#stands(start, type))) return false;
    return bytes[this.#at] === CLOSE_BRACE && this.#at + 1 === end;
  }

  /** Members in the order of their names, each once; names of printable ASCII alone. */
  #data(): boolean {
    const bytes = this.#bytes;
    if (bytes[this.#at] === CLOSE_BRACE) return this.#at++ > 0;
    for (let [before, beforeEnd] = [0, 0];;) {
      const from = this.#at;
      if (bytes[from] !== QUOTE) return false;
      let to = from + 1;
      while (LITERAL[bytes[to]!] === 1) to++;
      if (bytes[to] !== QUOTE || bytes[to + 1] !== 58) return false;
      if (before > 0 && !this.#precedes(before, beforeEnd, from + 1, to)) return false;
      if (to - from - 1 === PROTO.length && this.#stands(PROTO, from + 1)) return false;
      [before, beforeEnd] = [from + 1, to];
      this.#at = to + 2;
      if (!this.#value()) return false;
      const next = bytes[this.#at++];
      if (next === CLOSE_BRACE) return true;
      if (next !== COMMA) return false;
    }
  }

  #precedes(a: number, aEnd: number, b: number, bEnd: number): boolean {
    const bytes = this.#bytes;
    for (; a < aEnd && b < bEnd; a++, b++) {
      if (bytes[a] !== bytes[b]) return bytes[a]! < bytes[b]!;
    }
    return a === aEnd && b < bEnd;
  }

  #value(): boolean {
    const bytes = this.#bytes;
    const first = bytes[this.#at]!;
    if (first === QUOTE) return this.#text(Infinity);
    if (first === OPEN_BRACKET) return this.#list();
    if (first === MINUS || (first >= ZERO && first <= ZERO + 9)) return this.#number();
    for (const word of WORDS) {
      if (this.#is(word)) return true;
    }
    return false;
  }

  #list(): boolean {
    const bytes = this.#bytes;
    this.#at += 1;
    if (bytes[this.#at] === CLOSE_BRACKET) return this.#at++ > 0;
    for (;;) {
      if (!this.#text(Infinity)) return false;
      const next = bytes[this.#at++];
      if (next === CLOSE_BRACKET) return true;
      if (next !== COMMA) return false;
    }
  }

  /** Whole numbers alone; another character behind them is found by who reads on. */
  #number(): boolean {
    const isNegative = this.#bytes[this.#at] === MINUS;
    if (isNegative) this.#at += 1;
    const value = this.#integer();
    return value > 0 || (value === 0 && !isNegative);
  }

  /** -1 for anything but a canonical whole number from 0 on. */
  #integer(): number {
    const bytes = this.#bytes;
    const from = this.#at;
    let value = 0;
    for (let digit; (digit = bytes[this.#at]! - ZERO) >= 0 && digit <= 9; this.#at++) {
      value = value * 10 + digit;
    }
    const digits = this.#at - from;
    if (digits === 0 || digits > MAX_DIGITS || (digits > 1 && bytes[from] === ZERO)) return -1;
    return value;
  }

  /** A string in quotes, valid UTF-8, of at most so many UTF-16 units. */
  #text(max: number): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    if (bytes[at++] !== QUOTE) return false;
    const from = at;
    for (;;) {
      const byte = bytes[at]!;
      if (LITERAL[byte] === 1) at += 1;
      else if (byte === QUOTE) break;
      else if (byte === BACKSLASH) {
        if (ESCAPED[bytes[at + 1]!] !== 1) return false;
        at += 2;
      } else {
        const length = this.#sequence(at);
        if (length === 0) return false;
        at += length;
      }
    }
    this.#at = at + 1;
    // A unit takes at least one byte.
    return at - from <= max;
  }

  /** Length of one well-formed sequence of two to four bytes (Unicode, table 3-7); 0 for none. */
  #sequence(at: number): number {
    const bytes = this.#bytes;
    const tail = (index: number, low = 0x80, high = 0xbf) => {
      const byte = bytes[at + index];
      return byte !== undefined && byte >= low && byte <= high;
    };
    const lead = bytes[at]!;
    if (lead >= 0xc2 && lead <= 0xdf) return tail(1) ? 2 : 0;
    if (lead >= 0xe0 && lead <= 0xef) {
      const [low, high] = lead === 0xe0 ? [0xa0] : lead === 0xed ? [0x80, 0x9f] : [];
      return tail(1, low, high) && tail(2) ? 3 : 0;
    }
    if (lead < 0xf0 || lead > 0xf4) return 0;
    const [low, high] = lead === 0xf0 ? [0x90] : lead === 0xf4 ? [0x80, 0x8f] : [];
    return tail(1, low, high) && tail(2) && tail(3) ? 4 : 0;
  }

  #digest(): boolean {
    const bytes = this.#bytes;
    const end = this.#at + HASH_DIGITS;
    for (let at = this.#at; at < end; at++) {
      if (HEX[bytes[at]!] !== 1) return false;
    }
    this.#at = end;
    return true;
  }

  #is(expected: Uint8Array): boolean {
    if (!this.#stands(expected, this.#at)) return false;
    this.#at += expected.length;
    return true;
  }

  #stands(expected: Uint8Array, at: number): boolean {
    const bytes = this.#bytes;
    for (let index = 0; index < expected.length; index++) {
      if (bytes[at + index] !== expected[index]) return false;
    }
    return true;
  }
}
