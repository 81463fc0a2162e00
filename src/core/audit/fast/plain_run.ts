/**
 * Follows a run of plain records: checks their order, their links and their hashes, and adds them to the
 * Merkle tree, four hashes at a time. Either all of a run holds, or nothing was followed.
 */
import { MerkleLevels } from "./merkle_levels.ts";
import { PlainLine } from "./plain_line.ts";
import { BLOCK_BYTES, createSha256Lanes, LANES, type Sha256Lanes } from "./sha256_lanes.ts";
import type { ChainHead } from "../chain.ts";
import type { MerkleTree } from "../merkle.ts";

const LINE_FEED = 10;
const HASH_BYTES = 32;
/** Records of one run. */
const MAX_RECORDS = 2048;
/** Of their padded messages. */
const MESSAGES_BYTES = 1 << 20;
const MAX_BLOCKS = 1100;
/** `","prev":"` without its first two characters is hashed with what follows. */
const PREV_NAME = 8;
const HEX_OF = new TextEncoder().encode("0123456789abcdef");

export interface Run {
  readonly records: number;
  /** With their line feeds. */
  readonly bytes: number;
  readonly head: ChainHead;
}

export class PlainRuns {
  readonly #lanes: Sha256Lanes = createSha256Lanes(MESSAGES_BYTES + 4 * MAX_RECORDS * HASH_BYTES);
  readonly #memory = this.#lanes.memory;
  readonly #levels = new MerkleLevels(
    this.#lanes,
    MESSAGES_BYTES + HASH_BYTES,
    MESSAGES_BYTES + 2 * MAX_RECORDS * HASH_BYTES,
  );
  readonly #line = new PlainLine();
  readonly #messageAt = new Int32Array(MAX_RECORDS);
  readonly #hashAt = new Int32Array(MAX_RECORDS);
  readonly #byBlocks: number[][] = [];
  /** Of what `follow` did last: whether a record looked plain, and was false. */
  wasFalse = false;

  /**
   * As many plain records as follow each other from `start` on; null when there is none, or one is not
   * what it says.
   * @param stopAt a record with this sequence is left to others
   * @param onLeaves is given the hashes in the tree's place, 32 bytes each
   */
  follow(
    head: ChainHead,
    bytes: Uint8Array,
    start: number,
    stopAt: number,
    onLeaves?: (hashes: Uint8Array) => void,
  ): Run | null {
    const memory = this.#memory;
    const line = this.#line;
    let { sequence, timeMs } = head;
    let previous = -1;
    let count = 0;
    let filled = 0;
    let at = start;
    while (count < MAX_RECORDS) {
      const end = bytes.indexOf(LINE_FEED, at);
      if (end < 0 || sequence + 1 === stopAt || !line.read(bytes, at, end)) break;
      const { cut, hashAt, prevAt } = line;
      if (line.seq !== sequence + 1 || line.timeMs < timeMs) break;
      const isLinked = previous < 0
        ? equalsText(bytes, prevAt, head.hash)
        : equalsBytes(bytes, prevAt, previous);
      if (!isLinked) break;
      const first = cut - at;
      const second = end - (prevAt - PREV_NAME);
      const length = 1 + first + second;
      const blocks = Math.ceil((length + 9) / BLOCK_BYTES);
      if (blocks > MAX_BLOCKS || filled + blocks * BLOCK_BYTES > MESSAGES_BYTES) break;
      memory[filled] = 0;
      memory.set(bytes.subarray(at, cut), filled + 1);
      memory.set(bytes.subarray(prevAt - PREV_NAME, end), filled + 1 + first);
      pad(memory, filled, length, blocks);
      this.#messageAt[count] = filled;
      this.#hashAt[count] = previous = hashAt;
      (this.#byBlocks[blocks] ??= []).push(count);
      filled += blocks * BLOCK_BYTES;
      count += 1;
      ({ seq: sequence, timeMs } = line);
      at = end + 1;
    }
    this.#hashMessages();
    this.wasFalse = !this.#areTrue(bytes, count);
    if (count === 0 || this.wasFalse) return null;
    const hash = this.#hash(count - 1).toHex();
    const leaves = MESSAGES_BYTES + HASH_BYTES;
    onLeaves?.(this.#memory.slice(leaves, leaves + count * HASH_BYTES));
    const tree = onLeaves ? head.tree : this.#levels.add(head.tree, count);
    return { records: count, bytes: at - start, head: { sequence, hash, timeMs, tree } };
  }

  /** Adds leaf hashes, 32 bytes each, to a tree. */
  addLeaves(tree: MerkleTree, hashes: Uint8Array): MerkleTree {
    const most = MAX_RECORDS * HASH_BYTES;
    let grown = tree;
    for (let from = 0; from < hashes.length; from += most) {
      const some = hashes.subarray(from, from + most);
      this.#memory.set(some, MESSAGES_BYTES + HASH_BYTES);
      grown = this.#levels.add(grown, some.length / HASH_BYTES);
    }
    return grown;
  }

  #hash(index: number): Uint8Array {
    const at = MESSAGES_BYTES + HASH_BYTES + index * HASH_BYTES;
    return this.#memory.subarray(at, at + HASH_BYTES);
  }

  #hashMessages(): void {
    const out = MESSAGES_BYTES + HASH_BYTES;
    this.#byBlocks.forEach((indexes, blocks) => {
      for (let from = 0; from < indexes.length; from += LANES) {
        // Where there are fewer than four, the last is hashed again, to the same place.
        const [a, b, c, d] = [0, 1, 2, 3]
          .map((lane) => indexes[Math.min(from + lane, indexes.length - 1)]!) as [
            number,
            number,
            number,
            number,
          ];
        const at = this.#messageAt;
        this.#lanes.run(
          at[a]!,
          at[b]!,
          at[c]!,
          at[d]!,
          blocks,
          out + a * HASH_BYTES,
          out + b * HASH_BYTES,
          out + c * HASH_BYTES,
          out + d * HASH_BYTES,
        );
      }
      indexes.length = 0;
    });
  }

  /** Whether each record's hash is the one that it holds. */
  #areTrue(bytes: Uint8Array, count: number): boolean {
    const memory = this.#memory;
    let computed = MESSAGES_BYTES + HASH_BYTES;
    for (let index = 0; index < count; index++) {
      let recorded = this.#hashAt[index]!;
      for (const end = computed + HASH_BYTES; computed < end; computed++) {
        const byte = memory[computed]!;
        if (bytes[recorded++] !== HEX_OF[byte >> 4]) return false;
        if (bytes[recorded++] !== HEX_OF[byte & 15]) return false;
      }
    }
    return true;
  }
}

function pad(memory: Uint8Array, at: number, length: number, blocks: number): void {
  const end = at + blocks * BLOCK_BYTES;
  memory[at + length] = 0x80;
  memory.fill(0, at + length + 1, end - 4);
  const bits = length * 8;
  memory[end - 4] = bits >>> 24;
  memory[end - 3] = bits >>> 16;
  memory[end - 2] = bits >>> 8;
  memory[end - 1] = bits;
}

function equalsText(bytes: Uint8Array, at: number, hex: string): boolean {
  for (let index = 0; index < hex.length; index++) {
    if (bytes[at + index] !== hex.charCodeAt(index)) return false;
  }
  return true;
}

function equalsBytes(bytes: Uint8Array, a: number, b: number): boolean {
  for (let index = 0; index < 64; index++) {
    if (bytes[a + index] !== bytes[b + index]) return false;
  }
  return true;
}
