/** Adds many leaf hashes to a Merkle tree at once, level by level, four nodes at a time. */
import type { MerkleTree } from "../merkle.ts";
import { LANES, type Sha256Lanes } from "./sha256_lanes.ts";

const HASH_BYTES = 32;
const NODE_BYTES = 65;
/** Two blocks: the prefix, two hashes, and the padding. */
const MESSAGE_BYTES = 128;

export class MerkleLevels {
  readonly #memory: Uint8Array;

  /**
   * @param leaves where they are; the 32 bytes before it are free
   * @param messages where there is room for four nodes
   */
  constructor(
    private readonly lanes: Sha256Lanes,
    private readonly leaves: number,
    private readonly messages: number,
  ) {
    const memory = this.#memory = lanes.memory;
    for (let lane = 0; lane < LANES; lane++) {
      const at = messages + lane * MESSAGE_BYTES;
      memory[at] = 1;
      memory[at + NODE_BYTES] = 0x80;
      memory[at + MESSAGE_BYTES - 2] = (NODE_BYTES * 8) >> 8;
      memory[at + MESSAGE_BYTES - 1] = (NODE_BYTES * 8) & 255;
    }
  }

  /** Consumes the leaves: their places hold other hashes afterwards. */
  add(tree: MerkleTree, count: number): MerkleTree {
    const memory = this.#memory;
    const before = [...tree.peaks];
    /** The smallest first. */
    const peaks: Uint8Array[] = [];
    let size = tree.size;
    for (let more = count; more > 0 || size > 0; size = Math.floor(size / 2)) {
      let from = this.leaves;
      if (size % 2 === 1) {
        from -= HASH_BYTES;
        memory.set(before.pop()!, from);
        more += 1;
      }
      const pairs = more >> 1;
      if (more % 2 === 1) {
        const at = from + 2 * pairs * HASH_BYTES;
        peaks.push(memory.slice(at, at + HASH_BYTES));
      }
      this.#combine(from, pairs);
      more = pairs;
    }
    return { size: tree.size + count, peaks: peaks.reverse() };
  }

  /** Parents go to where the leaves began: behind what is still to be read. */
  #combine(from: number, pairs: number): void {
    const memory = this.#memory;
    for (let pair = 0; pair < pairs; pair += LANES) {
      const used = Math.min(LANES, pairs - pair);
      for (let lane = 0; lane < used; lane++) {
        const children = from + (pair + lane) * 2 * HASH_BYTES;
        const at = this.messages + lane * MESSAGE_BYTES + 1;
        memory.copyWithin(at, children, children + 2 * HASH_BYTES);
      }
      const out = this.leaves + pair * HASH_BYTES;
      const step = (lane: number) => out + Math.min(lane, used - 1) * HASH_BYTES;
      const message = (lane: number) => this.messages + Math.min(lane, used - 1) * MESSAGE_BYTES;
      this.lanes.run(
        message(0),
        message(1),
        message(2),
        message(3),
        2,
        step(0),
        step(1),
        step(2),
        step(3),
      );
    }
  }
}
