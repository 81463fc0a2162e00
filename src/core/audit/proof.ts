/**
 * Proofs over the RFC 6962 tree: that a leaf is in it, and that it grew out of a smaller one.
 * Made as RFC 6962, section 2.1, defines them; checked as RFC 9162, sections 2.1.3.2 and 2.1.4.2, say.
 */
import { hashNode, type MerkleTree, treeRoot } from "./merkle.ts";
import { type LeafRange, peaksOf, rangeRoot, SubtreeStack } from "./subtrees.ts";

/** The largest power of two below `width`. */
function split(width: number): number {
  let k = 1;
  while (k * 2 < width) k *= 2;
  return k;
}

/** PATH(index, D[size]): the ranges whose hashes are the proof, in its order. `index` is from 0. */
export function inclusionRanges(index: number, size: number): LeafRange[] {
  if (index < 0 || index >= size) throw new RangeError(`no leaf ${index} in a tree of ${size}`);
  const ranges: LeafRange[] = [];
  for (let start = 0, end = size; end - start > 1;) {
    const middle = start + split(end - start);
    const isLeft = index < middle;
    ranges.unshift(isLeft ? { start: middle, end } : { start, end: middle });
    if (isLeft) end = middle;
    else start = middle;
  }
  return ranges;
}

/** PROOF(from, D[to]): none when the trees are the same, or the older one is empty. */
export function consistencyRanges(from: number, to: number): LeafRange[] {
  if (from < 0 || from > to) throw new RangeError(`no proof from ${from} to ${to}`);
  if (from === 0 || from === to) return [];
  const ranges: LeafRange[] = [];
  let [start, end] = [0, to];
  while (end !== from) {
    const middle = start + split(end - start);
    const isLeft = from <= middle;
    ranges.unshift(isLeft ? { start: middle, end } : { start, end: middle });
    if (isLeft) end = middle;
    else start = middle;
  }
  return start === 0 ? ranges : [{ start, end }, ...ranges];
}

/**
 * The hashes of an inclusion proof, from what one pass over the leaves leaves behind: whatever stands
 * left of the leaf is a peak of the tree before it, whatever stands right of it came since.
 * @param before the tree of all leaves before the one to be proved
 * @param since all leaves after it, up to the size of the tree
 */
export function proveInclusion(before: MerkleTree, since: SubtreeStack): Uint8Array[] {
  return hashesOf(inclusionRanges(before.size, since.end), before, since);
}

/** @param since all leaves that the older tree has not, up to the size of the newer one */
export function proveGrowth(from: MerkleTree, since: SubtreeStack): Uint8Array[] {
  return hashesOf(consistencyRanges(from.size, since.end), from, since);
}

function hashesOf(ranges: readonly LeafRange[], left: MerkleTree, right: SubtreeStack) {
  const peaks = peaksOf(left);
  const find = (level: number, index: number) =>
    right.find(level, index) ??
      peaks.find((peak) => peak.level === level && peak.index === index)?.hash;
  return ranges.map((range) => rangeRoot(range, { find }));
}

const half = (value: number) => Math.floor(value / 2);

export function verifyInclusion(
  leafHash: Uint8Array,
  { index, size }: { readonly index: number; readonly size: number },
  hashes: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (index < 0 || index >= size) return false;
  let [node, last, hash] = [index, size - 1, leafHash];
  for (const sibling of hashes) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      hash = hashNode(sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else hash = hashNode(hash, sibling);
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equal(hash, root);
}

export interface TreeHead {
  readonly size: number;
  readonly rootHash: Uint8Array;
}

export function verifyConsistency(
  from: TreeHead,
  to: TreeHead,
  hashes: readonly Uint8Array[],
): boolean {
  if (from.size > to.size) return false;
  if (from.size === to.size) return hashes.length === 0 && equal(from.rootHash, to.rootHash);
  if (from.size === 0) {
    return hashes.length === 0 && equal(from.rootHash, treeRoot({ size: 0, peaks: [] }));
  }
  let [node, last] = [from.size - 1, to.size - 1];
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  // A complete older tree is a subtree of the newer one: its root begins the proof unsaid.
  const [first, ...rest] = node === 0 ? [from.rootHash, ...hashes] : hashes;
  if (first === undefined) return false;
  let [older, newer] = [first, first];
  for (const sibling of rest) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      older = hashNode(sibling, older);
      newer = hashNode(sibling, newer);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else newer = hashNode(newer, sibling);
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equal(older, from.rootHash) && equal(newer, to.rootHash);
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
