/**
 * SHA-256 (FIPS 180-4) of four messages at a time, one in each lane of a WebAssembly vector. A log is
 * verified by hashing millions of short messages that do not depend on each other: one call for each of
 * them would cost more than its hash.
 */
import { moduleOf, op } from "./wasm_bytes.ts";

export const LANES = 4;
export const BLOCK_BYTES = 64;

export interface Sha256Lanes {
  /** Where the messages are, padded as the standard says, and where the hashes go. */
  readonly memory: Uint8Array;
  /** Four messages of so many blocks each, from `p0` …, into 32 bytes each, at `o0` …. */
  run(
    p0: number,
    p1: number,
    p2: number,
    p3: number,
    blocks: number,
    o0: number,
    o1: number,
    o2: number,
    o3: number,
  ): void;
}

/** First 32 bits behind the point: of the square roots of the first primes, and of their cube roots. */
const PRIMES = firstPrimes(64);
const START = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const ROUND = PRIMES.map((prime) => fraction(Math.cbrt(prime)));

// Locals: 0–3 the messages, 4 the blocks that are left, 5–8 the places of the hashes, then vectors.
const BLOCKS = 4;
const OUT = 5;
const PARAMETERS = 9;
const HASH = PARAMETERS;
const WORK = HASH + 8;
const WORDS = WORK + 8;
const SUM = WORDS + 16;
const VECTORS = SUM + 1 - PARAMETERS;

/** @param bytes of memory that it shall have */
export function createSha256Lanes(bytes: number): Sha256Lanes {
  const pages = Math.ceil(bytes / 65_536);
  const code = moduleOf({ parameters: PARAMETERS, vectors: VECTORS, pages, body: body() });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code));
  const { memory, run } = exports as unknown as {
    memory: WebAssembly.Memory;
    run: Sha256Lanes["run"];
  };
  return { memory: new Uint8Array(memory.buffer), run };
}

function body(): number[] {
  const lanes = [0, 1, 2, 3];
  return [
    ...START.flatMap((word, index) => [...op.splat(word), ...op.set(HASH + index)]),
    ...op.loop([
      ...block(),
      ...lanes.flatMap((lane) => [
        ...op.get(lane),
        ...op.i32(BLOCK_BYTES),
        ...op.i32Add,
        ...op.set(lane),
      ]),
      ...[...op.get(BLOCKS), ...op.i32(1), ...op.i32Subtract, ...op.tee(BLOCKS)],
    ]),
    ...START.flatMap((_, index) => [
      ...[...op.get(HASH + index), ...op.get(HASH + index), ...op.swapBytes, ...op.set(SUM)],
      ...lanes.flatMap((lane) => [
        ...op.get(OUT + lane),
        ...op.get(SUM),
        ...op.storeLane(index * 4, lane),
      ]),
    ]),
  ];
}

function block(): number[] {
  const code: number[] = [];
  for (let index = 0; index < 16; index++) {
    const word = WORDS + index;
    code.push(...op.get(3), ...op.get(2), ...op.get(1), ...op.get(0), ...op.splat(0));
    for (let lane = 0; lane < LANES; lane++) code.push(...op.loadLane(index * 4, lane));
    code.push(...op.tee(word), ...op.get(word), ...op.swapBytes, ...op.set(word));
  }
  for (let index = 0; index < 8; index++) {
    code.push(...op.get(HASH + index), ...op.set(WORK + index));
  }
  // The variables of the standard change places by name, not by being moved.
  let names = [0, 1, 2, 3, 4, 5, 6, 7].map((index) => WORK + index);
  for (let step = 0; step < 64; step++) {
    code.push(...round(step, names));
    names = [names[7]!, ...names.slice(0, 7)];
  }
  for (let index = 0; index < 8; index++) {
    const hash = HASH + index;
    code.push(...op.get(hash), ...op.get(names[index]!), ...op.add, ...op.set(hash));
  }
  return code;
}

function round(step: number, names: readonly number[]): number[] {
  const [a, b, c, d, e, f, g, h] = names as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const word = (back: number) => WORDS + ((step + back) & 15);
  const schedule = step < 16 ? [] : [
    ...op.get(word(0)),
    ...mix(word(1), [7, 18], 3),
    ...op.add,
    ...op.get(word(9)),
    ...op.add,
    ...mix(word(14), [17, 19], 10),
    ...op.add,
    ...op.set(word(0)),
  ];
  return [
    ...schedule,
    ...[...op.get(h), ...mix(e, [6, 11, 25]), ...op.add],
    ...[...op.get(f), ...op.get(g), ...op.get(e), ...op.select, ...op.add],
    ...[...op.splat(ROUND[step]!), ...op.add, ...op.get(word(0)), ...op.add, ...op.tee(SUM)],
    ...[...op.get(d), ...op.add, ...op.set(d)],
    ...[...op.get(SUM), ...mix(a, [2, 13, 22]), ...op.add],
    // Where a and b differ, c decides.
    ...[...op.get(c), ...op.get(a), ...op.get(a), ...op.get(b), ...op.xor, ...op.select, ...op.add],
    ...op.set(h),
  ];
}

/** The exclusive or of a vector turned right by each of these, and of one that is only shifted. */
function mix(local: number, turns: readonly number[], shift?: number): number[] {
  const parts = turns.map((by) => [
    ...[...op.get(local), ...op.i32(by), ...op.shiftRight],
    ...[...op.get(local), ...op.i32(32 - by), ...op.shiftLeft],
    ...op.or,
  ]);
  if (shift !== undefined) parts.push([...op.get(local), ...op.i32(shift), ...op.shiftRight]);
  return [...parts[0]!, ...parts.slice(1).flatMap((part) => [...part, ...op.xor])];
}

function fraction(root: number): number {
  return Math.floor((root - Math.floor(root)) * 2 ** 32) >>> 0;
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let number = 2; primes.length < count; number++) {
    if (primes.every((prime) => number % prime !== 0)) primes.push(number);
  }
  return primes;
}
