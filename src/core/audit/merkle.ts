/** The RFC 6962 Merkle tree as a compact range: the roots of its perfect subtrees, largest first. */
import { sha256Of } from "../sha256.ts";

const LEAF_PREFIX = new Uint8Array([0]);
const NODE_PREFIX = new Uint8Array([1]);

/** O(log n) in memory: one peak for each bit that is set in `size`. */
export interface MerkleTree {
  readonly size: number;
  readonly peaks: readonly Uint8Array[];
}

export const EMPTY_TREE: MerkleTree = { size: 0, peaks: [] };

/** @param leaf a text stands for its UTF-8 */
export function hashLeaf(leaf: Uint8Array | string): Uint8Array<ArrayBuffer> {
  return sha256Of(LEAF_PREFIX, leaf);
}

export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256Of(NODE_PREFIX, left, right);
}

export function addLeaf(tree: MerkleTree, leafHash: Uint8Array): MerkleTree {
  const peaks = [...tree.peaks];
  let subtree = leafHash;
  for (let rest = tree.size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
    subtree = hashNode(peaks.pop()!, subtree);
  }
  return { size: tree.size + 1, peaks: [...peaks, subtree] };
}

/** The Merkle tree hash; of the empty tree, SHA-256 of nothing. */
export function treeRoot(tree: MerkleTree): Uint8Array<ArrayBuffer> {
  if (tree.size === 0) return sha256Of();
  return new Uint8Array(tree.peaks.reduceRight((right, left) => hashNode(left, right)));
}

/** How many peaks a tree of this size has. */
export function countPeaks(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}
