/**
 * Which label sets an answer has had: 64 bits of each, so that a million series cost 16 MiB whatever
 * their labels are, and no answer more than 128. Two of a million different sets meet by chance once in 37 million answers, and the
 * seed is another in each process: a set that once meets another is not met for ever.
 */
import { InvalidInputError } from "../../../errors.ts";

const MIN_SLOTS = 1024;
const MAX_SERIES = 10_000_000;

export class Fingerprints {
  /** Pairs of words; both zero where there is none. */
  #slots = new Uint32Array(2 * MIN_SLOTS);
  #count = 0;

  constructor(private readonly seed: number) {}

  /** False when the same bytes were added before. Throws InvalidInputError `too_large`. */
  add(bytes: Uint8Array, from: number, to: number): boolean {
    let a = this.seed | 0;
    let b = ~this.seed;
    let i = from;
    for (; i + 4 <= to; i += 4) {
      const word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
      a = Math.imul(a ^ word, 0x9e3779b1);
      a ^= a >>> 15;
      b = Math.imul(b + word, 0x85ebca77);
      b = (b << 13) | (b >>> 19);
    }
    for (; i < to; i++) {
      a = Math.imul(a ^ bytes[i]!, 0x9e3779b1);
      a ^= a >>> 15;
      b = Math.imul(b + bytes[i]!, 0x85ebca77);
      b = (b << 13) | (b >>> 19);
    }
    const length = to - from;
    return this.#insert(mix(a ^ length), mix(b + Math.imul(a, 0xc2b2ae3d)));
  }

  #insert(high: number, low: number): boolean {
    // All zero means free.
    if (high === 0 && low === 0) low = 1;
    if (this.#count * 8 >= this.#slots.length * 3) this.#grow();
    if (!place(this.#slots, high, low)) return false;
    this.#count += 1;
    return true;
  }

  #grow(): void {
    if (this.#count >= MAX_SERIES) {
      throw new InvalidInputError("too_large", `the answer has more than ${MAX_SERIES} series`);
    }
    const before = this.#slots;
    this.#slots = new Uint32Array(2 * before.length);
    for (let i = 0; i < before.length; i += 2) {
      if (before[i] !== 0 || before[i + 1] !== 0) place(this.#slots, before[i]!, before[i + 1]!);
    }
  }
}

function place(slots: Uint32Array, high: number, low: number): boolean {
  const mask = slots.length - 1;
  for (let i = (low << 1) & mask;; i = (i + 2) & mask) {
    if (slots[i] === high && slots[i + 1] === low) return false;
    if (slots[i] === 0 && slots[i + 1] === 0) {
      slots[i] = high;
      slots[i + 1] = low;
      return true;
    }
  }
}

/** The end of MurmurHash3: every bit of the input reaches every bit of the result. */
function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
