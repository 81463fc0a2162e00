/** What an agent knows of its signers before it has loaded what verifies. */
import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { encodeUtf8 } from "../../../src/core/encoding.ts";
import { deferVerifier } from "../../../src/core/verification/deferred.ts";
import { idOfKnownKey } from "../../../src/core/verification/known_key.ts";
import { parsePublicKey } from "../../../src/core/verification/public_key.ts";
import { PUBLIC_GOOD_ROOT_JSON } from "../../../src/core/verification/public_good.ts";
import { createKeySigner } from "../../../src/embedded/signer.ts";
import { expectRejection } from "./expect_refusal.ts";

const pemOf = ({ publicKey }: { publicKey: unknown }) =>
  (publicKey as KeyObject).export({ type: "spki", format: "pem" }).toString();

const USUAL: Record<string, string> = {
  "P-256": pemOf(generateKeyPairSync("ec", { namedCurve: "P-256" })),
  "P-384": pemOf(generateKeyPairSync("ec", { namedCurve: "P-384" })),
  "Ed25519": pemOf(generateKeyPairSync("ed25519")),
  "RSA": pemOf(generateKeyPairSync("rsa", { modulusLength: 2048 })),
};

for (const [kind, pem] of Object.entries(USUAL)) {
  Deno.test(`idOfKnownKey knows a ${kind} key by the id that parsePublicKey gives it`, async () => {
    assert.equal(await idOfKnownKey(pem), parsePublicKey(pem).id);
    assert.equal(await idOfKnownKey(`\n${pem.replaceAll("\n", "\r\n")}\n`), parsePublicKey(pem).id);
  });
}

const DOUBTFUL: Record<string, string> = {
  "RSA with 1024 bits": pemOf(generateKeyPairSync("rsa", { modulusLength: 1024 })),
  "RSA with exponent 3": pemOf(
    generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 3 }),
  ),
  "P-521": pemOf(generateKeyPairSync("ec", { namedCurve: "P-521" })),
  "two keys": USUAL["P-256"]! + USUAL["P-256"]!,
  "too long": USUAL["P-256"]! + "\n".repeat(16_384),
  "another point": USUAL["P-256"]!.replace(/....\n-----END/, "AAA=\n-----END"),
  "nothing": "",
};

for (const [what, pem] of Object.entries(DOUBTFUL)) {
  Deno.test(`idOfKnownKey leaves to the library what is ${what}`, async () => {
    assert.equal(await idOfKnownKey(pem), null);
  });
}

Deno.test("deferVerifier names the signers in their order, known at once or not", async () => {
  const publicKeyPem = USUAL["RSA"]!;
  const signers = [
    { kind: "key", name: "a", publicKeyPem, transparencyLog: "optional" },
    {
      kind: "keyless",
      name: "b",
      identity: "b@example.com",
      issuer: "https://issuer.example",
      trustedRootJson: PUBLIC_GOOD_ROOT_JSON,
    },
  ] as const;
  const expected = [parsePublicKey(publicKeyPem).id, "b@example.com"];
  assert.deepEqual((await deferVerifier(signers)).identities, expected);
  const own = { ...signers[1], name: "c", trustedRootJson: `${PUBLIC_GOOD_ROOT_JSON}\n` };
  const { identities } = await deferVerifier([...signers, own]);
  assert.deepEqual(identities, [...expected, "b@example.com"]);
});

Deno.test("deferVerifier makes one verifier for two bundles at once, and gives its refusals", async () => {
  const signer = await createKeySigner();
  let made = 0;
  const deferred = await deferVerifier([{
    kind: "key",
    name: "ops",
    publicKeyPem: signer.publicKeyPem,
    transparencyLog: "optional",
  }], (verifier) => {
    made += 1;
    return verifier;
  });
  assert.equal(made, 0);
  const bytes = encodeUtf8("the package");
  const bundle = signer.sign(bytes);
  const verdicts = await Promise.all([1, 2].map(() => deferred.verify(bytes, bundle)));
  assert.deepEqual(verdicts.map(({ identity }) => identity), [
    deferred.identities[0],
    deferred.identities[0],
  ]);
  await expectRejection(() => deferred.verify(encodeUtf8("other"), bundle), "bad_signature");
  assert.equal(made, 1);
});
