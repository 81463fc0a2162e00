import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { type ConnectorKey, generateKeyPem, keyFromPem } from "../../src/core/connector_key.ts";
import type { ReceiptPayload } from "../../src/core/protocol.ts";
import { RECEIPT_TYPE, receiptOfRefusal } from "../../src/core/receipt.ts";
import { readReceiptKey, verifyReceipt } from "../../src/core/receipt_check.ts";

const PAYLOAD: ReceiptPayload = receiptOfRefusal({
  id: "wpx-1",
  clusterId: "c-1",
  digest: "sha256:0",
  code: "bad_signature",
  reason: "r",
  atMs: 1,
  auditSequence: 2,
});
const KEY = await keyFromPem(await generateKeyPem());
const OTHER = await keyFromPem(await generateKeyPem());
const JWS = await KEY.signJws(RECEIPT_TYPE, PAYLOAD);

const jwkOf = (key: ConnectorKey) => JSON.stringify(key.jwk);
const pemOf = (key: ConnectorKey) =>
  String(
    createPublicKey({ key: { ...key.jwk }, format: "jwk" })
      .export({ type: "spki", format: "pem" }),
  );
const check = async (text: string, key = jwkOf(KEY)) =>
  await verifyReceipt(text, await readReceiptKey(key));

Deno.test("verifyReceipt reads a receipt by JWK and by PEM, alone or in the JSON around it", async () => {
  for (const key of [jwkOf(KEY), pemOf(KEY)]) {
    for (
      const text of [
        JWS,
        `${JWS}\n`,
        JSON.stringify({ executionId: "wpx-1", jws: JWS }),
        JSON.stringify({ receipt: JWS }),
      ]
    ) assert.deepEqual(await check(text, key), PAYLOAD);
  }
});

Deno.test("verifyReceipt refuses another key's signature", async () => {
  const refused = { code: "bad_signature", message: /signature check failed/ };
  await assert.rejects(check(JWS, jwkOf(OTHER)), refused);
  await assert.rejects(check(await OTHER.signJws(RECEIPT_TYPE, PAYLOAD)), refused);
});

Deno.test("verifyReceipt refuses a receipt in which any one character differs", async () => {
  const swap = (index: number, other: string) => JWS.slice(0, index) + other + JWS.slice(index + 1);
  const texts = [];
  for (let index = 0; index < JWS.length; index += 7) {
    texts.push(swap(index, JWS[index] === "A" ? "B" : "A"));
  }
  // The last character of a base64url part holds bits that are not used.
  for (const other of "ABCDwxyz0189-_") texts.push(swap(JWS.length - 1, other));
  for (const text of texts) {
    if (text !== JWS) await assert.rejects(check(text), ({ code }) => code !== undefined, text);
  }
});

Deno.test("verifyReceipt refuses what the same key signed for another purpose", async () => {
  const approval = await KEY.signJws("neuralops-approval+jwt", PAYLOAD);
  await assert.rejects(check(approval), { code: "bad_signature", message: /type check failed/ });
});

Deno.test("verifyReceipt refuses a signed payload that is no receipt", async () => {
  const signed = await KEY.signJws(RECEIPT_TYPE, { ...PAYLOAD, state: "great" });
  await assert.rejects(check(signed), { code: "malformed_request", message: /state/ });
});

for (const text of ["", "{}", "{", "a.b", "x".repeat(300_000), `${JWS}.x`, "null", '{"jws":1}']) {
  Deno.test(`verifyReceipt refuses ${text.slice(0, 9) || "nothing"} as no receipt`, () =>
    assert.rejects(check(text), { code: "malformed_request" }));
}

const BAD_KEYS: [what: string, text: string, message: RegExp][] = [
  ["a private JWK", JSON.stringify({ ...KEY.jwk, d: "AAAA" }), /no public Ed25519 JWK/],
  ["a private PEM", await generateKeyPem(), /is a private key/],
  ["no key", "hello", /PEM block/],
  ["half a JWK", "{", /no JSON/],
  ["a JWK of another kind", '{"kty":"RSA"}', /no public Ed25519 JWK/],
];
for (const [what, text, message] of BAD_KEYS) {
  Deno.test(`readReceiptKey refuses ${what} and does not quote it`, () =>
    assert.rejects(readReceiptKey(text), (error: Error & { code: string }) => {
      assert.equal(error.code, "config_invalid");
      assert.match(error.message, message);
      assert.ok(text.length < 10 || !error.message.includes(text));
      return true;
    }));
}
