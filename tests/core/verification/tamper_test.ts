/** Whatever single thing is damaged in what was signed or proves it, the bundle is refused. */
import fc from "fast-check";
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { createVerifier } from "../../../src/core/verification/verify.ts";
import { decodeBase64, encodeBase64, encodeUtf8 } from "../../../src/core/encoding.ts";
import { InvalidInputError, RefusedError } from "../../../src/errors.ts";
import { createKeylessAuthority } from "../../../src/embedded/keyless_authority.ts";
import { type BundleJson, createKeySigner } from "../../../src/embedded/signer.ts";
import { FakeClock } from "../../fakes/fake_clock.ts";

const artifact = encodeUtf8("apiVersion: neuralops.io/v1\nkind: WorkPackage\n");
const who = { identity: "https://ci.example/release", issuer: "https://issuer.example" };
// The timestamp authority's certificate begins to be valid when it is made, by the real clock.
const clock = new FakeClock(Math.ceil(Date.now() / 1000) * 1000 + 1000);
const authority = await createKeylessAuthority(clock);
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
  "keyless message in Rekor v2": await authority.sign(artifact, who, { log: "v2" }),
  "keyless statement in Rekor v2": await authority.signDsse(artifact, "package", who, {
    log: "v2",
  }),
  "key's message": await authority.addLogEntry(signer.sign(artifact), signer.publicKeyPem),
  "key's message in Rekor v2": await authority.addLogEntry(
    signer.sign(artifact),
    signer.publicKeyPem,
    { log: "v2" },
  ),
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
/** Parts of it are unsigned, such as the answer's status: a flip there must change nothing. */
const TIMESTAMP = [
  "verificationMaterial",
  "timestampVerificationData",
  "rfc3161Timestamps",
  "0",
  "signedTimestamp",
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

/**
 * Without effect on the verdict: a key's hint, the index of an entry without a promise, a digest that is
 * left out (the artifact's own stands in), and zero, which JSON may leave out.
 */
const FREE = /publicKey\.hint$|tlogEntries\.0\.logIndex$|messageDigest|inclusionProof\.logIndex$/;

for (const [name, bundle] of Object.entries(bundles).filter(([, one]) => has(one, TIMESTAMP))) {
  Deno.test(`verifier refuses a ${name} when any signed bit of its timestamp is flipped`, () => {
    const before = verifier.verify(artifact, bundle);
    let refused = 0;
    fc.assert(
      fc.property(fc.nat(), (at) => {
        try {
          const after = verifier.verify(artifact, flipInside(bundle, TIMESTAMP, at));
          assert.deepEqual(after, before);
        } catch (error) {
          assert.ok(error instanceof RefusedError || error instanceof InvalidInputError);
          refused += 1;
        }
      }),
      { numRuns: 50 },
    );
    assert.ok(refused > 25, `only ${refused} of 50 flips were refused`);
  });
}

/** Every leaf of the bundle's JSON, by its path. */
function leavesOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [[...path]];
  return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, [...path, key]));
}

function replaceAt(bundle: BundleJson, path: readonly string[], edit: (leaf: unknown) => unknown) {
  const copy = structuredClone(bundle);
  const parent = path.slice(0, -1).reduce<unknown>(
    (node, key) => Reflect.get(node as object, key),
    copy,
  );
  const key = path.at(-1)!;
  Reflect.set(parent as object, key, edit(Reflect.get(parent as object, key)));
  return copy;
}

for (const [name, bundle] of Object.entries(bundles)) {
  Deno.test(`verifier refuses a ${name} with any one field emptied, cut, lengthened or of another type`, () => {
    const leaves = leavesOf(bundle).filter((path) => !FREE.test(path.join(".")));
    const damage = fc.constantFrom<(leaf: unknown) => unknown>(
      () => null,
      () => "",
      () => 7,
      () => ({}),
      () => [],
      (leaf) => `${leaf}A`,
      (leaf) => `${leaf}AAAA`,
      (leaf) => String(leaf).slice(1),
      (leaf) => String(leaf).slice(0, -4),
    );
    fc.assert(
      fc.property(fc.constantFrom(...leaves), damage, (path, edit) => {
        const damaged = replaceAt(bundle, path, edit);
        if (!isDeepStrictEqual(damaged, bundle)) assertRefused(artifact, damaged);
      }),
      { numRuns: 100 },
    );
  });
}

Deno.test("verifier answers any JSON at all with a refusal and nothing else", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => assertRefused(artifact, value)));
});
