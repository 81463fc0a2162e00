import fc from "fast-check";
import assert from "node:assert/strict";
import { addLeaf, EMPTY_TREE, hashLeaf, treeRoot } from "../../../src/core/audit/merkle.ts";
import { provesInclusion } from "../../../src/core/verification/inclusion_proof.ts";

const leafOf = (index: number) => new Uint8Array([index, 7]);

/** RFC 6962's recursive definitions, beside which the loop must hold. */
function rootOf(from: number, to: number): Uint8Array {
  let tree = EMPTY_TREE;
  for (let index = from; index < to; index++) tree = addLeaf(tree, hashLeaf(leafOf(index)));
  return treeRoot(tree);
}
function pathOf(index: number, from: number, to: number): Uint8Array[] {
  if (to - from === 1) return [];
  let split = 1;
  while (split * 2 < to - from) split *= 2;
  const middle = from + split;
  return index < middle
    ? [...pathOf(index, from, middle), rootOf(middle, to)]
    : [...pathOf(index, middle, to), rootOf(from, middle)];
}

Deno.test("provesInclusion accepts the path of every leaf in every tree, and of no other leaf", () => {
  for (let size = 1; size <= 20; size++) {
    for (let index = 0; index < size; index++) {
      const proof = {
        index: BigInt(index),
        size: BigInt(size),
        hashes: pathOf(index, 0, size),
        root: rootOf(0, size),
      };
      assert.ok(provesInclusion(leafOf(index), proof), `leaf ${index} of ${size}`);
      assert.ok(!provesInclusion(leafOf(index + 1), proof));
      assert.ok(!provesInclusion(leafOf(index), { ...proof, index: BigInt(size) }));
      assert.ok(
        !provesInclusion(leafOf(index), { ...proof, hashes: [...proof.hashes, proof.root] }),
      );
    }
  }
});

Deno.test("provesInclusion refuses a path with any bit flipped, or a hash too few", () => {
  const size = 13;
  fc.assert(fc.property(fc.nat(size - 1), fc.nat(), fc.nat(255), (index, at, bit) => {
    const hashes = pathOf(index, 0, size);
    const proof = { index: BigInt(index), size: BigInt(size), root: rootOf(0, size) };
    const flipped = hashes.map((hash) => hash.slice());
    flipped[at % flipped.length]![bit >> 3]! ^= 1 << (bit & 7);
    assert.ok(!provesInclusion(leafOf(index), { ...proof, hashes: flipped }));
    assert.ok(!provesInclusion(leafOf(index), { ...proof, hashes: hashes.slice(1) }));
  }));
});
