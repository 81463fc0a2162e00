import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addLeaf,
  EMPTY_TREE,
  hashLeaf,
  hashNode,
  type MerkleTree,
  treeRoot,
} from "../../../src/core/audit/merkle.ts";
import {
  consistencyRanges,
  inclusionRanges,
  proveGrowth,
  proveInclusion,
  verifyConsistency,
  verifyInclusion,
} from "../../../src/core/audit/proof.ts";
import { RangeCheck } from "../../../src/core/audit/range_proof.ts";
import { SubtreeStack } from "../../../src/core/audit/subtrees.ts";

/** The leaves of the reference tests of certificate-transparency and of transparency-dev/merkle. */
const LEAVES = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
].map((hex) => hashLeaf(Uint8Array.fromHex(hex)));

/** Node hashes that the published proofs over those leaves are made of. */
const H = {
  leaf0: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  leaf1: "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
  leaf4: "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
  to2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  from2to4: "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
  to4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  from4to6: "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
  from6to8: "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
  from4to8: "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
};

/** github.com/transparency-dev/merkle, testonly/reference_test.go, TestRefInclusionProof. */
const INCLUSION: [number, number, string[]][] = [
  [0, 1, []],
  [0, 2, [H.leaf1]],
  [1, 2, [H.leaf0]],
  [2, 3, [H.to2]],
  [1, 5, [H.leaf0, H.from2to4, H.leaf4]],
  [0, 8, [H.leaf1, H.from2to4, H.from4to8]],
  [5, 8, [H.leaf4, H.from6to8, H.to4]],
];

/** The same file, TestRefConsistencyProof. */
const CONSISTENCY: [number, number, string[]][] = [
  [1, 1, []],
  [1, 8, [H.leaf1, H.from2to4, H.from4to8]],
  [2, 5, [H.from2to4, H.leaf4]],
  [6, 8, [H.from4to6, H.from6to8, H.to4]],
];

const treeOf = (leaves: readonly Uint8Array[]) => leaves.reduce<MerkleTree>(addLeaf, EMPTY_TREE);

function since(leaves: readonly Uint8Array[], start: number): SubtreeStack {
  const stack = new SubtreeStack(start);
  for (const leaf of leaves.slice(start)) stack.addLeaf(leaf);
  return stack;
}

const inclusion = (leaves: readonly Uint8Array[], index: number) =>
  proveInclusion(treeOf(leaves.slice(0, index)), since(leaves, index + 1));

const consistency = (leaves: readonly Uint8Array[], from: number) =>
  proveGrowth(treeOf(leaves.slice(0, from)), since(leaves, from));

const headOf = (leaves: readonly Uint8Array[]) => ({
  size: leaves.length,
  rootHash: treeRoot(treeOf(leaves)),
});

const hex = (hashes: readonly Uint8Array[]) => hashes.map((hash) => hash.toHex());

Deno.test("inclusion proofs are the published ones", () => {
  for (const [index, size, expected] of INCLUSION) {
    const leaves = LEAVES.slice(0, size);
    const proof = inclusion(leaves, index);
    assert.deepEqual(hex(proof), expected, `${index} of ${size}`);
    const { rootHash } = headOf(leaves);
    assert.ok(verifyInclusion(leaves[index]!, { index, size }, proof, rootHash));
  }
});

Deno.test("consistency proofs are the published ones", () => {
  for (const [from, size, expected] of CONSISTENCY) {
    const leaves = LEAVES.slice(0, size);
    const proof = consistency(leaves, from);
    assert.deepEqual(hex(proof), expected, `${from} to ${size}`);
    assert.ok(verifyConsistency(headOf(leaves.slice(0, from)), headOf(leaves), proof));
  }
});

/** RFC 6962, 2.1.1 and 2.1.2, word for word. */
function mth(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 1) return leaves[0]!;
  const k = splitOf(leaves.length);
  return hashNode(mth(leaves.slice(0, k)), mth(leaves.slice(k)));
}

function path(m: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length === 1) return [];
  const k = splitOf(leaves.length);
  return m < k
    ? [...path(m, leaves.slice(0, k)), mth(leaves.slice(k))]
    : [...path(m - k, leaves.slice(k)), mth(leaves.slice(0, k))];
}

function subproof(m: number, leaves: readonly Uint8Array[], isWhole: boolean): Uint8Array[] {
  if (m === leaves.length) return isWhole ? [] : [mth(leaves)];
  const k = splitOf(leaves.length);
  return m <= k
    ? [...subproof(m, leaves.slice(0, k), isWhole), mth(leaves.slice(k))]
    : [...subproof(m - k, leaves.slice(k), false), mth(leaves.slice(0, k))];
}

function splitOf(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

const MANY = Array.from({ length: 70 }, (_, index) => hashLeaf(new Uint8Array([index])));

Deno.test("every proof of every small tree equals RFC 6962's definition", () => {
  for (let size = 1; size <= 40; size++) {
    const leaves = MANY.slice(0, size);
    for (let at = 1; at <= size; at++) {
      assert.deepEqual(inclusion(leaves, at - 1), path(at - 1, leaves));
      assert.deepEqual(consistency(leaves, at), subproof(at, leaves, true));
    }
  }
});

const place = fc.integer({ min: 1, max: 70 }).chain((size) =>
  fc.record({
    size: fc.constant(size),
    at: fc.integer({ min: 1, max: size }),
    mutation: fc.nat(),
  })
);

/** Every way to be wrong by one: a bit, a hash too many, too few, swapped, another place. */
function* spoilt(proof: readonly Uint8Array[], bit: number): Generator<Uint8Array[]> {
  for (const [at, hash] of proof.entries()) {
    const other = hash.slice();
    other[(bit >> 3) % 32]! ^= 1 << (bit % 8);
    yield proof.with(at, other);
    yield proof.toSpliced(at, 1);
    yield proof.toSpliced(at, 0, hash);
  }
  yield [...proof, MANY[0]!];
  yield [MANY[0]!, ...proof];
  if (proof.length > 1) yield proof.toReversed();
}

Deno.test("inclusion proof holds for its leaf at its place, and for nothing else", () => {
  fc.assert(fc.property(place, ({ size, at, mutation }) => {
    const leaves = MANY.slice(0, size);
    const index = at - 1;
    const leaf = leaves[index]!;
    const { rootHash } = headOf(leaves);
    const proof = inclusion(leaves, index);
    assert.ok(verifyInclusion(leaf, { index, size }, proof, rootHash));
    for (const bad of spoilt(proof, mutation)) {
      assert.ok(!verifyInclusion(leaf, { index, size }, bad, rootHash));
    }
    const other = (index + 1 + mutation % size) % size;
    if (other !== index) assert.ok(!verifyInclusion(leaf, { index: other, size }, proof, rootHash));
    assert.ok(!verifyInclusion(leaf, { index: size, size }, proof, rootHash));
    assert.ok(!verifyInclusion(leaf, { index: -1, size }, proof, rootHash));
    assert.ok(
      !verifyInclusion(MANY[69 - index]!, { index, size }, proof, rootHash) || index === 69 - index,
    );
  }));
});

Deno.test("consistency proof holds between its two heads, and for nothing else", () => {
  fc.assert(fc.property(place, ({ size, at, mutation }) => {
    const leaves = MANY.slice(0, size);
    const [from, to] = [headOf(leaves.slice(0, at)), headOf(leaves)];
    const proof = consistency(leaves, at);
    assert.ok(verifyConsistency(from, to, proof));
    for (const bad of spoilt(proof, mutation)) assert.ok(!verifyConsistency(from, to, bad));
    const forked = MANY.with(mutation % at, new Uint8Array(32));
    assert.ok(!verifyConsistency(headOf(forked.slice(0, at)), to, proof));
    assert.ok(!verifyConsistency(from, headOf(forked.slice(0, size)), proof));
    if (at < size) assert.ok(!verifyConsistency(to, from, proof));
  }));
  assert.ok(verifyConsistency(headOf([]), headOf(MANY), []));
});

Deno.test("one range proof covers any stretch of records, and no other", () => {
  const stretch = fc.tuple(fc.nat(70), fc.nat(70), fc.nat(70), fc.nat()).map(([a, b, c, bit]) => {
    const [start, end, size] = [a, b, c].sort((one, other) => one - other) as [
      number,
      number,
      number,
    ];
    return { start, end, size, bit };
  });
  fc.assert(fc.property(stretch, ({ start, end, size, bit }) => {
    const leaves = MANY.slice(0, size);
    const after = since(leaves, end);
    const proof = {
      before: treeOf(leaves.slice(0, start)).peaks,
      after: after.subtrees.map(({ hash }) => hash),
    };
    const root = (given: readonly Uint8Array[], { before, after } = proof) => {
      const check = new RangeCheck(start, { before, after });
      for (const leaf of given) check.addLeaf(leaf);
      return check.root(size).toHex();
    };
    const records = leaves.slice(start, end);
    const expected = headOf(leaves).rootHash.toHex();
    assert.equal(root(records), expected);
    for (const at of records.keys()) {
      const changed = records[at]!.slice();
      changed[0]! ^= 1 << (bit % 8);
      assert.notEqual(root(records.with(at, changed)), expected);
    }
    for (const side of ["before", "after"] as const) {
      const one = proof[side][0]?.slice();
      if (!one) continue;
      one[1]! ^= 1;
      assert.notEqual(root(records, { ...proof, [side]: [...proof[side]].with(0, one) }), expected);
      assert.throws(() => root(records, { ...proof, [side]: proof[side].slice(1) }), RangeError);
    }
    assert.throws(() => root([...leaves, ...leaves, MANY[0]!]), RangeError);
  }));
});

Deno.test("ranges count beyond 2^32 leaves", () => {
  const size = 2 ** 40 + 3;
  assert.equal(inclusionRanges(2 ** 40 + 1, size).length, 3);
  assert.equal(inclusionRanges(0, size).length, 41);
  assert.ok(consistencyRanges(2 ** 33 + 5, size).length < 90);
});
