/**
 * What the real cosign v3.1.3 wrote:
 *   cosign signing-config create --out config.json
 *   cosign sign-blob --yes --key K.key --signing-config config.json --bundle K.sigstore.json wpk.yaml
 *   cosign attest-blob … --type custom --predicate P --bundle K.attestation.json wpk.yaml
 */
import assert from "node:assert/strict";
import { parseBundleBytes } from "../../../src/core/verification/bundle.ts";
import { createVerifier } from "../../../src/core/verification/verify.ts";
import { sha256Hex } from "../../../src/core/encoding.ts";
import { expectRefusal } from "./expect_refusal.ts";

const folder = new URL("../../testdata/verification/cosign/", import.meta.url);
const read = (name: string) => Deno.readFileSync(new URL(name, folder));
const wpk = read("wpk.yaml");

function createKeyVerifier(key: string) {
  const publicKeyPem = new TextDecoder().decode(read(`${key}.pub`));
  return createVerifier([{ kind: "key", name: key, publicKeyPem, transparencyLog: "optional" }]);
}

for (const key of ["p256", "p384", "rsa", "ed25519"]) {
  const forms = key === "ed25519" ? ["sigstore"] : ["sigstore", "attestation"];
  for (const form of forms) {
    const bundle = parseBundleBytes(read(`${key}.${form}.json`));

    Deno.test(`verifier accepts cosign's ${form} bundle made with ${key}`, () => {
      const verified = createKeyVerifier(key).verify(wpk, bundle);
      assert.equal(verified.signer, key);
      assert.equal(verified.digest, `sha256:${sha256Hex(wpk)}`);
      assert.equal(verified.logged, false);
      assert.equal(verified.signedAtMs, null);
    });

    Deno.test(`verifier refuses cosign's ${form} bundle made with ${key} when the file was altered`, () => {
      const altered = new Uint8Array([...wpk, 0x0a]);
      expectRefusal(() => createKeyVerifier(key).verify(altered, bundle), "bad_signature");
    });

    Deno.test(`verifier refuses cosign's ${form} bundle made with ${key} under another key`, () => {
      const other = key === "p256" ? "p384" : "p256";
      expectRefusal(
        () => createKeyVerifier(other).verify(wpk, bundle),
        "unknown_signer",
        /names the key .* which is not trusted/,
      );
    });
  }
}

Deno.test("verifier accepts cosign's bundles when only the file's digest is known", () => {
  const artifact = { sha256: sha256Hex(wpk) };
  for (
    const [key, form] of [
      ["p256", "sigstore"],
      ["p256", "attestation"],
      ["rsa", "sigstore"],
      ["rsa", "attestation"],
    ]
  ) {
    const bundle = parseBundleBytes(read(`${key}.${form}.json`));
    assert.equal(createKeyVerifier(key!).verify(artifact, bundle).signer, key);
    const other = { sha256: sha256Hex("other") };
    expectRefusal(() => createKeyVerifier(key!).verify(other, bundle), "bad_signature");
  }
});

Deno.test("verifier says that the file is needed where a digest cannot do", () => {
  const artifact = { sha256: sha256Hex(wpk) };
  for (const key of ["p384", "ed25519"]) {
    const bundle = parseBundleBytes(read(`${key}.sigstore.json`));
    expectRefusal(
      () => createKeyVerifier(key).verify(artifact, bundle),
      "bad_signature",
      /cannot be checked from the artifact's SHA-256 alone/,
    );
  }
});
