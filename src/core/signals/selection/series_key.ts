/**
 * 128 bits that stand for a label set in memory: a hundred thousand label sets as text would be 20 MB for
 * each query. Not cryptographic: whoever can choose labels at will can at most have series of their own
 * taken for one another, which is counted as dropped.
 */
import type { Labels } from "../series_handler.ts";

const PRIMES = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f] as const;
/** Stand between texts, and are no UTF-16 code units. */
const END_OF_NAME = 0x10000;
const END_OF_VALUE = 0x10001;

/** Eight UTF-16 code units, of which any may be a lone surrogate: for a Map or a Set, never for output. */
export function seriesKey(labels: Labels): string {
  let a = 1, b = 2, c = 3, d = 4;
  const mix = (unit: number) => {
    a = Math.imul(rotate(a ^ unit, 5) + d, PRIMES[0]);
    b = Math.imul(rotate(b ^ unit, 11) + a, PRIMES[1]);
    c = Math.imul(rotate(c ^ unit, 17) + b, PRIMES[2]);
    d = Math.imul(rotate(d ^ unit, 23) + c, PRIMES[3]);
  };
  for (const [name, value] of labels) {
    for (let i = 0; i < name.length; i++) mix(name.charCodeAt(i));
    mix(END_OF_NAME);
    for (let i = 0; i < value.length; i++) mix(value.charCodeAt(i));
    mix(END_OF_VALUE);
  }
  // Four more rounds: the last unit reaches every bit.
  for (let i = 0; i < 4; i++) mix(END_OF_VALUE + 1 + i);
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

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
