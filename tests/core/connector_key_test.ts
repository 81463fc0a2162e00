import assert from "node:assert/strict";
import { calculateJwkThumbprint, compactVerify, decodeProtectedHeader, importJWK } from "jose";
import { deriveSecret, generateKeyPem, keyFromPem } from "../../src/core/connector_key.ts";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import { StalledError } from "../../src/errors.ts";

Deno.test("keyFromPem() gives the same identity for the same PEM", async () => {
  const pem = await generateKeyPem();
  const [first, second] = [await keyFromPem(pem), await keyFromPem(pem)];
  assert.deepEqual(first.jwk, second.jwk);
  assert.deepEqual(first.publicKey, second.publicKey);
  assert.equal(first.publicKey.length, 32);
  assert.equal(
    first.jwk.kid,
    await calculateJwkThumbprint({ kty: "OKP", crv: "Ed25519", x: first.jwk.x }),
  );
});

Deno.test("ConnectorKey.sign() verifies under its raw public key", async () => {
  const key = await keyFromPem(await generateKeyPem());
  const message = encodeUtf8("checkpoint");
  const signature = await key.sign(message);
  const publicKey = await crypto.subtle.importKey("raw", key.publicKey, "Ed25519", false, [
    "verify",
  ]);
  assert.equal(await crypto.subtle.verify("Ed25519", publicKey, signature, message), true);
  signature[0]! ^= 1;
  assert.equal(await crypto.subtle.verify("Ed25519", publicKey, signature, message), false);
});

Deno.test("ConnectorKey.signJws() carries type and key id, and verifies under the JWK", async () => {
  const key = await keyFromPem(await generateKeyPem());
  const jws = await key.signJws("neuralops-receipt+jwt", { state: "succeeded" });
  assert.deepEqual(decodeProtectedHeader(jws), {
    alg: "EdDSA",
    typ: "neuralops-receipt+jwt",
    kid: key.jwk.kid,
  });
  const { payload } = await compactVerify(jws, await importJWK({ ...key.jwk }, "EdDSA"));
  assert.deepEqual(JSON.parse(new TextDecoder().decode(payload)), { state: "succeeded" });
});

Deno.test("keyFromPem() refuses a damaged key without quoting it", async () => {
  const pem = await generateKeyPem();
  const damaged = pem.slice(0, 60) + "AAAA" + pem.slice(70);
  await assert.rejects(keyFromPem(damaged), (error: StalledError) => {
    assert.equal(error.code, "config_invalid");
    assert.equal(error.cause, undefined);
    assert.ok(!error.message.includes(pem.slice(30, 50)));
    return true;
  });
});

Deno.test("deriveSecret is the same for one key and purpose, and another for every other", async () => {
  const [pem, other] = [await generateKeyPem(), await generateKeyPem()];
  const [key, again] = [await keyFromPem(pem), await keyFromPem(pem)];
  const secret = await deriveSecret(key, "a");
  assert.match(secret, /^[0-9a-f]{64}$/);
  assert.equal(await deriveSecret(again, "a"), secret);
  assert.notEqual(await deriveSecret(key, "b"), secret);
  assert.notEqual(await deriveSecret(await keyFromPem(other), "a"), secret);
});
