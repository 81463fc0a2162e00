/**
 * A float's text, as query_range writes it, to the double it stands for. Exact: up to 15 digits and
 * 22 decimal places both parts are doubles, so that one multiplication or division rounds correctly
 * (Clinger 1990). Everything else takes longer.
 */
import { parseFloatText } from "../float_text.ts";

const MAX_DIGITS = 15;
const MAX_POWER = 22;
const POWERS = Array.from({ length: MAX_POWER + 1 }, (_, power) => Number(`1e${power}`));

const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** @param bytes hold a float as `SeriesHandler.float` gets it, from `from` to before `to` */
export function readFloat(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  const negative = bytes[at] === MINUS;
  if (negative || bytes[at] === PLUS) at += 1;
  let mantissa = 0;
  let digits = 0;
  let places = 0;
  let afterDot = false;
  for (; at < to; at++) {
    const byte = bytes[at]!;
    if (byte >= ZERO && byte <= NINE) {
      mantissa = mantissa * 10 + (byte - ZERO);
      if (mantissa > 0) digits += 1;
      if (afterDot) places += 1;
    } else if (byte === DOT && !afterDot) afterDot = true;
    else break;
  }
  if (at < to || digits > MAX_DIGITS || places > MAX_POWER) return parseFloatText(bytes, from, to);
  const value = places === 0 ? mantissa : mantissa / POWERS[places]!;
  return negative ? -value : value;
}
