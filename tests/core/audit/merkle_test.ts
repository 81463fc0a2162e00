import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addLeaf,
  countPeaks,
  EMPTY_TREE,
  hashLeaf,
  type MerkleTree,
  treeRoot,
} from "../../../src/core/audit/merkle.ts";
import { sha256 } from "../../../src/core/encoding.ts";

/** From the reference implementation of RFC 6962 (certificate-transparency, merkle tree tests). */
const LEAVES = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
];
const ROOTS = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

function treeOf(leaves: readonly Uint8Array[]): MerkleTree {
  return leaves.reduce<MerkleTree>((tree, leaf) => addLeaf(tree, hashLeaf(leaf)), EMPTY_TREE);
}

/** RFC 6962, section 2.1, word for word. */
function rootByDefinition(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256("");
  if (leaves.length === 1) return sha256(new Uint8Array([0, ...leaves[0]!]));
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  return sha256(new Uint8Array([1, ...rootByDefinition(left), ...rootByDefinition(right)]));
}

Deno.test("merkle tree has the published roots of RFC 6962", () => {
  const leaves = LEAVES.map((hex) => Uint8Array.fromHex(hex));
  assert.equal(
    treeRoot(EMPTY_TREE).toHex(),
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  );
  ROOTS.forEach((root, index) => {
    assert.equal(treeRoot(treeOf(leaves.slice(0, index + 1))).toHex(), root);
  });
});

Deno.test("merkle tree equals the recursive definition for any leaves", () => {
  const leaves = fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 70 });
  fc.assert(fc.property(leaves, (list) => {
    const tree = treeOf(list);
    assert.equal(treeRoot(tree).toHex(), rootByDefinition(list).toHex());
    assert.equal(tree.peaks.length, countPeaks(list.length));
  }));
});
