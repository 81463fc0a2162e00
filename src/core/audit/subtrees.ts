/**
 * Perfect subtrees of the RFC 6962 tree, and where to find their roots while leaves stream by.
 * Nothing here holds more than O(log n) hashes for each proof.
 */
import { hashNode, type MerkleTree } from "./merkle.ts";

/** Of the leaves from `index` × 2^`level` on, 2^`level` of them. */
export interface Subtree {
  readonly level: number;
  readonly index: number;
  readonly hash: Uint8Array;
}

/** Leaves from `start` to before `end`. */
export interface LeafRange {
  readonly start: number;
  readonly end: number;
}

export interface SubtreeSource {
  /** undefined for one that it does not hold. */
  find(level: number, index: number): Uint8Array | undefined;
}

/** The fewest perfect subtrees that make up a range, from left to right. */
export function* perfectSubtrees({ start, end }: LeafRange): Generator<Omit<Subtree, "hash">> {
  for (let at = start; at < end;) {
    let [level, width] = [0, 1];
    while (at % (width * 2) === 0 && at + width * 2 <= end) [level, width] = [level + 1, width * 2];
    yield { level, index: at / width };
    at += width;
  }
}

/** The peaks of a tree as the subtrees that they are roots of. */
export function peaksOf({ size, peaks }: MerkleTree): Subtree[] {
  return [...perfectSubtrees({ start: 0, end: size })].map((place, at) => ({
    ...place,
    hash: peaks[at]!,
  }));
}

/** A compact range: the subtrees of all leaves that came since `start`, whatever came before. */
export class SubtreeStack implements SubtreeSource {
  readonly #stack: Subtree[] = [];
  #end: number;

  constructor(readonly start: number) {
    this.#end = start;
  }

  static after(tree: MerkleTree): SubtreeStack {
    const stack = new SubtreeStack(0);
    stack.#end = tree.size;
    for (const peak of peaksOf(tree)) stack.#stack.push(peak);
    return stack;
  }

  get end(): number {
    return this.#end;
  }

  /** From left to right. */
  get subtrees(): readonly Subtree[] {
    return this.#stack;
  }

  addLeaf(hash: Uint8Array): void {
    this.add({ level: 0, index: this.#end, hash });
  }

  /** The subtree MUST begin where the range ends. */
  add(subtree: Subtree): void {
    const width = 2 ** subtree.level;
    if (subtree.index * width !== this.#end) throw new Error("the subtree is out of place");
    this.#end += width;
    for (let node = subtree;;) {
      const left = this.#stack.at(-1);
      if (left?.level !== node.level || left.index % 2 !== 0) {
        this.#stack.push(node);
        return;
      }
      this.#stack.pop();
      node = {
        level: node.level + 1,
        index: left.index / 2,
        hash: hashNode(left.hash, node.hash),
      };
    }
  }

  find(level: number, index: number): Uint8Array | undefined {
    return this.#stack.find((node) => node.level === level && node.index === index)?.hash;
  }
}

/** The Merkle tree hash of a range. Throws Error for one that the source does not hold. */
export function rangeRoot(range: LeafRange, source: SubtreeSource): Uint8Array {
  const roots = [...perfectSubtrees(range)].map(({ level, index }) => {
    const hash = source.find(level, index);
    if (hash) return hash;
    throw new Error(`the subtree ${level}/${index} is not known`);
  });
  return roots.reduceRight((right, left) => hashNode(left, right));
}
