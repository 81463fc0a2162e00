/**
 * One proof for all records of a period: the peaks of the tree before it, and the subtrees after it.
 * With the leaf hashes in between, and nothing else, they make up the root.
 */
import { countPeaks, type MerkleTree, treeRoot } from "./merkle.ts";
import { perfectSubtrees, SubtreeStack } from "./subtrees.ts";

export interface RangeProof {
  /** Peaks of the tree of the leaves before the range, largest first. */
  readonly before: readonly Uint8Array[];
  /** Roots of the perfect subtrees from the end of the range to the end of the tree, left to right. */
  readonly after: readonly Uint8Array[];
}

/** Checks a range proof with O(log n) in memory; the leaves may stream by. */
export class RangeCheck {
  readonly #stack: SubtreeStack;

  /** @param start number of leaves before the range. Throws RangeError for a wrong number of hashes. */
  constructor(start: number, private readonly proof: RangeProof) {
    if (proof.before.length !== countPeaks(start)) {
      throw new RangeError(
        `expected ${countPeaks(start)} hashes before, found ${proof.before.length}`,
      );
    }
    this.#stack = SubtreeStack.after({ size: start, peaks: proof.before });
  }

  addLeaf(hash: Uint8Array): void {
    this.#stack.addLeaf(hash);
  }

  /** The root of the tree of `size` leaves. Throws RangeError for a wrong number of hashes. */
  root(size: number): Uint8Array {
    const places = [...perfectSubtrees({ start: this.#stack.end, end: size })];
    const { after } = this.proof;
    if (this.#stack.end > size || after.length !== places.length) {
      throw new RangeError(`expected ${places.length} hashes after, found ${after.length}`);
    }
    places.forEach((place, at) => this.#stack.add({ ...place, hash: after[at]! }));
    return treeRoot(treeOf(this.#stack));
  }
}

/** A stack that begins at the first leaf is a tree. */
export function treeOf(stack: SubtreeStack): MerkleTree {
  return { size: stack.end, peaks: stack.subtrees.map(({ hash }) => hash) };
}
