import assert from "node:assert/strict";
import { checkpointOrigin, signCheckpoint } from "../../../src/core/audit/checkpoint.ts";
import { verifyCheckpoint } from "../../../src/core/audit/checkpoint_proof.ts";
import { addLeaf, EMPTY_TREE, hashLeaf, treeRoot } from "../../../src/core/audit/merkle.ts";
import { createSigner } from "../../fakes/audit.ts";

const tree = addLeaf(addLeaf(EMPTY_TREE, hashLeaf(new Uint8Array([1]))), new Uint8Array(32));

Deno.test("checkpoint comes back as it was signed", async () => {
  const signer = await createSigner();
  const note = await signCheckpoint(tree, signer);
  const checkpoint = verifyCheckpoint(note, signer.name, signer.publicKey);
  assert.equal(checkpoint.origin, checkpointOrigin(signer.publicKey));
  assert.equal(checkpoint.size, 2);
  assert.equal(checkpoint.rootHash.toHex(), treeRoot(tree).toHex());
  assert.deepEqual(verifyCheckpoint(note, null, signer.publicKey), checkpoint);
});

Deno.test("checkpoint is refused when any of its characters changes", async () => {
  const signer = await createSigner();
  const note = await signCheckpoint(tree, signer);
  for (let index = 0; index < note.length; index++) {
    const other = String.fromCharCode(note.charCodeAt(index) ^ 1);
    const changed = note.slice(0, index) + other + note.slice(index + 1);
    assert.throws(
      () => verifyCheckpoint(changed, signer.name, signer.publicKey),
      /checkpoint|signed note/i,
      `character ${index}`,
    );
  }
});

Deno.test("checkpoint is refused under another key and under another name", async () => {
  const [signer, other] = [await createSigner(), await createSigner()];
  const note = await signCheckpoint(tree, signer);
  assert.throws(() => verifyCheckpoint(note, null, other.publicKey), { code: "bad_signature" });
  assert.throws(
    () => verifyCheckpoint(note, "other", signer.publicKey),
    { code: "bad_signature" },
  );
});

/** A tree head that Google's checksum database published, with its published verifier key. */
const SUMDB_NAME = "sum.golang.org";
const SUMDB_KEY = Uint8Array.fromBase64("Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8").subarray(1);
const SUMDB_NOTE = [
  "go.sum database tree",
  "6476701",
  "mb8QLQIs0Z0yP5Cstq6guj87oXWeC9gEM8oVikmm9Wk=",
  "",
  "\u2014 sum.golang.org Az3grsLX85Gz+s1SiTbgkuqxgItqFq7gsMUEyVnrsa9LM7Us9S+1xbFIGu95949rj4nPRYfvimWEPWL+o3GeoWwOoAw=",
  "",
].join("\n");

Deno.test("checkpoint of another program, sum.golang.org, verifies", () => {
  const { origin, size } = verifyCheckpoint(SUMDB_NOTE, SUMDB_NAME, SUMDB_KEY);
  assert.deepEqual({ origin, size }, { origin: "go.sum database tree", size: 6476701 });
  assert.throws(
    () => verifyCheckpoint(SUMDB_NOTE.replace("6476701", "6476702"), SUMDB_NAME, SUMDB_KEY),
    { code: "bad_signature" },
  );
});

Deno.test("checkpoint refuses a text that is no note", async () => {
  const { publicKey } = await createSigner();
  for (
    const note of ["", "\n\n", "a\n1\nb\n\n\u2014 x y\n", "a\n01\n" + "A".repeat(43) + "=\n\n\n"]
  ) {
    assert.throws(() => verifyCheckpoint(note, null, publicKey), { code: "malformed_request" });
  }
});
