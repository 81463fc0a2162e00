/** Whatever single bit is flipped in what was signed or proves it, the bundle is refused. */
import fc from "fast-check";
import assert from "node:assert/strict";
import { createVerifier } from "../../../src/core/verification/verify.ts";
import { decodeBase64, encodeBase64, encodeUtf8 } from "../../../src/core/encoding.ts";
import { InvalidInputError, RefusedError } from "../../../src/errors.ts";
import { createKeylessAuthority } from "../../../src/embedded/keyless_authority.ts";
import { type BundleJson, createKeySigner } from "../../../src/embedded/signer.ts";
import { FakeClock } from "../../fakes/fake_clock.ts";

const artifact = encodeUtf8("apiVersion: neuralops.io/v1\nkind: WorkPackage\n");
const who = { identity: "https://ci.example/release", issuer: "https://issuer.example" };
const authority = await createKeylessAuthority(new FakeClock());
const signer = await createKeySigner();
const verifier = createVerifier([
  { kind: "keyless", name: "ci", ...who, trustedRootJson: authority.trustedRootJson },
  {
    kind: "key",
    name: "ops",
    publicKeyPem: signer.publicKeyPem,
    transparencyLog: "required",
    trustedRootJson: authority.trustedRootJson,
  },
]);
const bundles = {
  "keyless message": await authority.sign(artifact, who),
  "keyless statement": await authority.signDsse(artifact, "package", who),
  "key's message": await authority.addLogEntry(signer.sign(artifact), signer.publicKeyPem),
};

const TARGETS = [
  ["messageSignature", "signature"],
  ["messageSignature", "messageDigest", "digest"],
  ["dsseEnvelope", "payload"],
  ["dsseEnvelope", "signatures", "0", "sig"],
  ["verificationMaterial", "certificate", "rawBytes"],
  ["verificationMaterial", "tlogEntries", "0", "canonicalizedBody"],
  ["verificationMaterial", "tlogEntries", "0", "logId", "keyId"],
  ["verificationMaterial", "tlogEntries", "0", "inclusionPromise", "signedEntryTimestamp"],
  ["verificationMaterial", "tlogEntries", "0", "inclusionProof", "rootHash"],
];

function flipBit(bytes: Uint8Array, at: number): Uint8Array {
  const flipped = bytes.slice();
  const bit = at % (bytes.length * 8);
  flipped[bit >> 3]! ^= 1 << (bit & 7);
  return flipped;
}

function flipInside(bundle: BundleJson, path: readonly string[], at: number): unknown {
  const copy = structuredClone(bundle);
  const parent = path.slice(0, -1).reduce<unknown>(
    (node, key) => Reflect.get(node as object, key),
    copy,
  );
  const key = path.at(-1)!;
  const bytes = decodeBase64(Reflect.get(parent as object, key) as string);
  Reflect.set(parent as object, key, encodeBase64(flipBit(bytes, at)));
  return copy;
}

function has(bundle: BundleJson, path: readonly string[]): boolean {
  return path.reduce<unknown>((node, key) => Reflect.get(Object(node), key), bundle) !== undefined;
}

function assertRefused(bytes: Uint8Array, bundle: unknown): void {
  assert.throws(
    () => verifier.verify(bytes, bundle),
    (error) => error instanceof RefusedError || error instanceof InvalidInputError,
  );
}

for (const [name, bundle] of Object.entries(bundles)) {
  Deno.test(`verifier refuses a ${name} when any bit of the artifact is flipped`, () => {
    assert.ok(verifier.verify(artifact, bundle).logged);
    fc.assert(
      fc.property(fc.nat(), (at) => assertRefused(flipBit(artifact, at), bundle)),
      { numRuns: 50 },
    );
  });

  for (const path of TARGETS.filter((path) => has(bundle, path))) {
    Deno.test(`verifier refuses a ${name} when any bit of its ${path.join(".")} is flipped`, () => {
      fc.assert(
        fc.property(fc.nat(), (at) => assertRefused(artifact, flipInside(bundle, path, at))),
        { numRuns: 50 },
      );
    });
  }
}

Deno.test("verifier answers any JSON at all with a refusal and nothing else", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => assertRefused(artifact, value)));
});
