import assert from "node:assert/strict";
import { signCheckpoint } from "../../src/core/audit/checkpoint.ts";
import { chainIdOf } from "../../src/core/audit/chain.ts";
import { addLeaf, EMPTY_TREE, hashLeaf, type MerkleTree } from "../../src/core/audit/merkle.ts";
import { proveGrowth } from "../../src/core/audit/proof.ts";
import { encodeHashes } from "../../src/core/audit/proof_hashes.ts";
import { SubtreeStack } from "../../src/core/audit/subtrees.ts";
import { AuditWatch } from "../../src/embedded/control_plane/audit_watch.ts";
import { createSigner } from "../fakes/audit.ts";

const LEAVES = Array.from({ length: 20 }, (_, index) => hashLeaf(new Uint8Array([index])));
const FORKED = LEAVES.with(2, new Uint8Array(32));

const treeOf = (leaves: readonly Uint8Array[]) => leaves.reduce<MerkleTree>(addLeaf, EMPTY_TREE);

async function createWatch() {
  const signer = await createSigner();
  const chain = chainIdOf(signer.publicKey);
  const watch = new AuditWatch(
    { now: () => 1000 },
    (clusterId, id) => clusterId === "c-1" && id === chain ? signer.publicKey : null,
  );
  const send = async (
    leaves: readonly Uint8Array[],
    from: number | null,
    by = signer,
    clusterId = "c-1",
  ) => {
    const checkpoint = await signCheckpoint(treeOf(leaves), by);
    const since = new SubtreeStack(from ?? 0);
    for (const leaf of leaves.slice(from ?? 0)) since.addLeaf(leaf);
    const consistency = from === null || from > leaves.length ? null : {
      from,
      hashes: encodeHashes(proveGrowth(treeOf(leaves.slice(0, from)), since)),
    };
    watch.accept(clusterId, { size: leaves.length, checkpoint, consistency, chains: [chain] });
  };
  const held = () => watch.held("c-1", chain)?.size;
  const kinds = () => watch.alarms.map(({ kind }) => kind);
  return { watch, send, held, kinds, signer, chain };
}

Deno.test("control plane takes a log that grows, and names where the proof must begin", async () => {
  const { send, held, kinds, watch, chain } = await createWatch();
  await send(LEAVES.slice(0, 3), null);
  await send(LEAVES.slice(0, 7), 3);
  await send(LEAVES.slice(0, 7), 7);
  await assert.rejects(send(LEAVES.slice(0, 9), null), { status: 409, members: { auditSize: 7 } });
  await assert.rejects(send(LEAVES.slice(0, 9), 3), { status: 409, members: { auditSize: 7 } });
  await send(LEAVES.slice(0, 9), 7);
  assert.deepEqual([held(), kinds(), watch.chains("c-1")], [9, [], [chain]]);
});

Deno.test("control plane raises the alarm on a fork, a rollback and growth without proof", async () => {
  const { send, held, kinds, watch } = await createWatch();
  await send(LEAVES.slice(0, 8), null);
  await send(FORKED.slice(0, 8), 8);
  assert.deepEqual(kinds(), ["fork"]);
  await send(LEAVES.slice(0, 5), null);
  assert.deepEqual(kinds(), ["fork", "rollback"]);
  await send(FORKED.slice(0, 12), 8);
  assert.deepEqual(kinds(), ["fork", "rollback", "unprovable_growth"]);
  assert.equal(held(), 8, "what is true stays held");
  await send(FORKED.slice(0, 12), 8);
  const { count, held: one, found } = watch.alarms[2]!;
  assert.deepEqual([count, kinds().length], [2, 3]);
  assert.ok(one !== found && one!.includes("\n8\n") && found.includes("\n12\n"));
  await send(LEAVES.slice(0, 12), 8);
  assert.equal(held(), 12);
});

Deno.test("control plane raises the alarm on a key that is not the cluster's", async () => {
  const { send, held, kinds, signer } = await createWatch();
  await send(LEAVES, null, await createSigner());
  await send(LEAVES, null, signer, "c-2");
  const other = await createSigner();
  await send(LEAVES, null, { ...signer, sign: (bytes) => other.sign(bytes) });
  assert.deepEqual(kinds(), ["wrong_key", "wrong_key", "wrong_key"]);
  assert.equal(held(), undefined);
});
