import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { deferVerifier } from "../../../src/core/verification/deferred.ts";
import type { TrustedSigner } from "../../../src/core/verification/trust.ts";
import { createVerifier } from "../../../src/core/verification/verify.ts";
import { createKeylessAuthority } from "../../../src/embedded/keyless_authority.ts";
import { createKeySigner } from "../../../src/embedded/signer.ts";
import { FakeClock } from "../../fakes/fake_clock.ts";
import { expectRefusal, expectRejection } from "./expect_refusal.ts";

const { publicKeyPem } = await createKeySigner();
const { trustedRootJson } = await createKeylessAuthority(new FakeClock());

type Key = Extract<TrustedSigner, { kind: "key" }>;
const key = (change: Partial<Key>): Key => ({
  kind: "key",
  name: "ops",
  publicKeyPem,
  transparencyLog: "optional",
  ...change,
});
const keyless = (trustedRootJson: string): TrustedSigner => ({
  kind: "keyless",
  name: "ci",
  identity: "https://ci.example/release",
  issuer: "https://issuer.example",
  trustedRootJson,
});
const createWithKey = (change: Partial<Key>) => () => createVerifier([key(change)]);
const createWithRoot = (trustedRootJson: string) => () =>
  createVerifier([keyless(trustedRootJson)]);

const toPublicPem = ({ publicKey }: { publicKey: unknown }) =>
  (publicKey as { export(options: object): string }).export({ type: "spki", format: "pem" });

const PRIVATE_PEM = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
const UNUSABLE_KEYS: Record<string, [string, RegExp]> = {
  "RSA with 1024 bits": [
    toPublicPem(generateKeyPairSync("rsa", { modulusLength: 1024 })),
    /RSA with 1024 bits/,
  ],
  "ECDSA on P-521": [toPublicPem(generateKeyPairSync("ec", { namedCurve: "P-521" })), /P-256/],
  "X25519": [toPublicPem(generateKeyPairSync("x25519")), /type x25519/],
  "a private key": [PRIVATE_PEM, /private key; give the public one/],
  "two keys": [publicKeyPem + publicKeyPem, /not one PEM block/],
  "a certificate": [publicKeyPem.replaceAll("PUBLIC KEY", "CERTIFICATE"), /not one PEM block/],
  "broken base64": [publicKeyPem.replace("M", ""), /cannot|read/],
  "no text at all": ["", /not one PEM block/],
};

for (const [what, [pem, message]] of Object.entries(UNUSABLE_KEYS)) {
  Deno.test(`createVerifier refuses a signer whose key is ${what}`, async () => {
    const text = expectRefusal(createWithKey({ publicKeyPem: pem }), "config_invalid", message);
    const defer = () => deferVerifier([key({ publicKeyPem: pem })]);
    assert.equal(await expectRejection(defer, "config_invalid", message), text);
    if (!text.includes('"ops"')) throw new Error("must name the signer");
    if (text.includes("AAAA")) throw new Error("must not quote the key");
  });
}

const withoutPart = (part: string) =>
  JSON.stringify({ ...JSON.parse(trustedRootJson), [part]: [] });
const UNUSABLE_ROOTS: Record<string, [string, RegExp]> = {
  "not JSON": ["{", /not a Sigstore trusted_root/],
  "something else": ["{}", /not a Sigstore trusted_root/],
  "without authorities": [withoutPart("certificateAuthorities"), /holds no certificateAuthorities/],
  "without CT logs": [withoutPart("ctlogs"), /holds no ctlogs/],
  "without transparency logs": [withoutPart("tlogs"), /holds no tlogs/],
  "holding a broken key": [
    trustedRootJson.replace(/"rawBytes":"M/g, '"rawBytes":"A'),
    /not a Sigstore trusted_root/,
  ],
  "too large": [trustedRootJson + " ".repeat(1024 * 1024), /larger than/],
};

for (const [what, [json, message]] of Object.entries(UNUSABLE_ROOTS)) {
  Deno.test(`createVerifier refuses a trusted root that is ${what}`, async () => {
    expectRefusal(createWithRoot(json), "config_invalid", message);
    await expectRejection(() => deferVerifier([keyless(json)]), "config_invalid", message);
  });
}

Deno.test("createVerifier refuses a signer whose log is required and who has no trusted root", async () => {
  const what = /"ops".* no trusted root/;
  expectRefusal(createWithKey({ transparencyLog: "required" }), "config_invalid", what);
  const defer = () => deferVerifier([key({ transparencyLog: "required" })]);
  await expectRejection(defer, "config_invalid", what);
});
