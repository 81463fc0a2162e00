/**
 * The texts of floats, as Prometheus and Go write them, told apart without making a number of each.
 */

/** What may be done with a text. */
export type FloatText =
  /** RFC 8785 writes its double in exactly these bytes. */
  | typeof CANONICAL
  /** A JSON number, whose double RFC 8785 may write in another way. */
  | typeof JSON_NUMBER
  /** A float that JSON would not take: NaN, infinities, `+1`, `1.`, `.5`, `007`. */
  | typeof OTHER
  | typeof NO_FLOAT;

export const CANONICAL = 0;
export const JSON_NUMBER = 1;
export const OTHER = 2;
export const NO_FLOAT = 3;

/** Every decimal of so many digits comes back from a double unchanged (DBL_DIG of IEEE 754). */
const SAFE_DIGITS = 15;
/** ECMAScript and RFC 8785 write a double below 0.000001 with an exponent. */
const SAFE_ZEROS = 5;
/** No decimal with fewer characters, and without exponent, is beyond the largest double. */
const SAFE_LENGTH = 200;
const MAX_LENGTH = 1024;
const decoder = new TextDecoder();

/**
 * A text is canonical when it has at most 15 digits, no exponent, no superfluous zero, and is neither
 * -0 nor nearer to 0 than 0.000001. Why: a double's canonical form is the shortest decimal that reads
 * back as it. Of two decimals with at most 15 digits that read as the same double there is only one, so
 * no shorter one exists; and between 0.000001 and 10^21 it is written without exponent.
 */
export function classifyFloat(bytes: Uint8Array, from: number, to: number): FloatText {
  let at = from;
  if (bytes[at] === 0x2d) at += 1;
  const first = at;
  while (at < to && isDigit(bytes[at]!)) at += 1;
  const whole = at - first;
  if (whole === 0) return classifyOdd(bytes, from, to);
  const isZero = bytes[first] === 0x30;
  if (isZero && whole > 1) return classifyOdd(bytes, from, to);
  if (at === to) {
    if (whole <= SAFE_DIGITS && !(isZero && first > from)) return CANONICAL;
    return to - from <= SAFE_LENGTH ? JSON_NUMBER : classifyOdd(bytes, from, to);
  }
  if (bytes[at] !== 0x2e) return classifyOdd(bytes, from, to);
  const point = at++;
  let zeros = 0;
  if (isZero) {
    while (at < to && bytes[at] === 0x30) at += 1;
    zeros = at - point - 1;
  }
  while (at < to && isDigit(bytes[at]!)) at += 1;
  // Exponents are few, and a point with nothing behind it is not JSON.
  if (at < to || at === point + 1 || to - from > SAFE_LENGTH) return classifyOdd(bytes, from, to);
  const digits = (isZero ? 0 : whole) + at - point - 1 - zeros;
  const isSafe = digits <= SAFE_DIGITS && zeros <= SAFE_ZEROS && bytes[to - 1]! > 0x30;
  return isSafe ? CANONICAL : JSON_NUMBER;
}

/** @param bytes a text that is a float */
export function parseFloatText(bytes: Uint8Array, from: number, to: number): number {
  const text = decoder.decode(bytes.subarray(from, to));
  if (text.endsWith("Inf")) return text.startsWith("-") ? -Infinity : Infinity;
  return Number(text);
}

const JSON_FORM = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const FLOAT_FORM = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** By its text: for what is rare. */
function classifyOdd(bytes: Uint8Array, from: number, to: number): FloatText {
  if (to - from > MAX_LENGTH) return NO_FLOAT;
  const text = decoder.decode(bytes.subarray(from, to));
  if (text === "NaN" || text === "+Inf" || text === "-Inf" || text === "Inf") return OTHER;
  if (!FLOAT_FORM.test(text) || !Number.isFinite(Number(text))) return NO_FLOAT;
  return JSON_FORM.test(text) ? JSON_NUMBER : OTHER;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
