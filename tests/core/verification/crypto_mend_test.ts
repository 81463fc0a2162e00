import "../../../src/core/verification/crypto_mend.ts";
import assert from "node:assert/strict";
import crypto, { generateKeyPairSync, sign } from "node:crypto";
import { encodeUtf8 } from "../../../src/core/encoding.ts";

const bytes = encodeUtf8("checkpoint");
const KEYS = {
  ec: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ed25519: generateKeyPairSync("ed25519"),
};

for (const [name, { publicKey, privateKey }] of Object.entries(KEYS)) {
  Deno.test(`crypto.verify without an algorithm works as in Node for ${name} keys`, () => {
    const signature = sign(name === "ed25519" ? null : "sha256", bytes, privateKey);
    for (const algorithm of [undefined, null]) {
      assert.equal(crypto.verify(algorithm, bytes, publicKey, signature), true);
      assert.equal(crypto.verify(algorithm, encodeUtf8("other"), publicKey, signature), false);
    }
  });
}

Deno.test("crypto.verify with an algorithm is left as it was", () => {
  const { publicKey, privateKey } = KEYS.ec;
  const signature = sign("sha384", bytes, privateKey);
  assert.equal(crypto.verify("sha384", bytes, publicKey, signature), true);
  assert.equal(crypto.verify("sha256", bytes, publicKey, signature), false);
});
