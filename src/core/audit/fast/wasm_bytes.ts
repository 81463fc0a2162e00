/** The few pieces of WebAssembly's binary format that a generated module of one function needs. */
type Bytes = readonly number[];

export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; bytes.length === 0 || rest > 0; rest >>>= 7) {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  }
  return bytes;
}

/** Small and not negative: what `i32.const` takes here. */
function constant(value: number): number[] {
  return value < 64 ? [value] : [(value & 0x7f) | 0x80, value >> 7];
}

const simd = (opcode: number) => [0xfd, ...unsigned(opcode)];
/** Natural alignment of four bytes. */
const at = (offset: number) => [2, ...unsigned(offset)];

export const op = {
  get: (local: number) => [0x20, ...unsigned(local)],
  set: (local: number) => [0x21, ...unsigned(local)],
  tee: (local: number) => [0x22, ...unsigned(local)],
  i32: (value: number) => [0x41, ...constant(value)],
  i32Add: [0x6a],
  i32Subtract: [0x6b],
  /** Runs at least once, and again for as long as what is left on the stack is not zero. */
  loop: (body: Bytes) => [0x03, 0x40, ...body, 0x0d, 0, 0x0b],
  /** The same 32 bits in each lane. */
  splat: (value: number) => {
    const word = [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
    return [...simd(12), ...word, ...word, ...word, ...word];
  },
  /** Takes the same vector twice; turns the bytes of each lane round. */
  swapBytes: [...simd(13), 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12],
  or: simd(80),
  xor: simd(81),
  /** Of `first second mask`: the first where the mask has ones. */
  select: simd(82),
  loadLane: (offset: number, lane: number) => [...simd(86), ...at(offset), lane],
  storeLane: (offset: number, lane: number) => [...simd(90), ...at(offset), lane],
  shiftLeft: simd(171),
  shiftRight: simd(173),
  add: simd(174),
} as const;

const I32 = 0x7f;
const V128 = 0x7b;

/** A module that exports `memory` and `run`, which takes i32s and has vectors as locals behind them. */
export function moduleOf(
  { parameters, vectors, pages, body }: {
    parameters: number;
    vectors: number;
    pages: number;
    body: Bytes;
  },
): Uint8Array<ArrayBuffer> {
  const section = (id: number, content: Bytes) => [id, ...unsigned(content.length), ...content];
  const name = (text: string) => [text.length, ...new TextEncoder().encode(text)];
  const code = [1, ...unsigned(vectors), V128, ...body, 0x0b];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, parameters, ...Array(parameters).fill(I32), 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, ...unsigned(pages)]),
    ...section(7, [2, ...name("memory"), 2, 0, ...name("run"), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}
