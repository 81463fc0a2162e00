/** RFC 6962, section 2.1.1: whether a proof leads from a leaf to the root that it names. */
import { hashLeaf, hashNode } from "../audit/merkle.ts";

export interface InclusionProof {
  readonly index: bigint;
  readonly size: bigint;
  readonly hashes: readonly Uint8Array[];
  readonly root: Uint8Array;
}

export function provesInclusion(leaf: Uint8Array, proof: InclusionProof): boolean {
  let { index } = proof;
  if (index < 0n || index >= proof.size) return false;
  let last = proof.size - 1n;
  let hash: Uint8Array = hashLeaf(leaf);
  for (const sibling of proof.hashes) {
    if (last === 0n) return false;
    if ((index & 1n) === 1n || index === last) {
      hash = hashNode(sibling, hash);
      // A subtree that ends the tree has no sibling on its levels below: they are passed over.
      while ((index & 1n) === 0n && index !== 0n) {
        index >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = hashNode(hash, sibling);
    }
    index >>= 1n;
    last >>= 1n;
  }
  return last === 0n && hash.length === proof.root.length &&
    hash.every((byte, at) => byte === proof.root[at]);
}
