import assert from "node:assert/strict";
import { createVerifier } from "../../src/core/verification/verify.ts";
import { encodeUtf8, sha256 } from "../../src/core/encoding.ts";
import { createKeylessAuthority } from "../../src/embedded/keyless_authority.ts";
import { createKeySigner, type KeyAlgorithm } from "../../src/embedded/signer.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

const artifact = encodeUtf8("the package");
const cosignFolder = new URL("../testdata/verification/cosign/", import.meta.url);

/** The shape of JSON: its keys in order, with the type of each value. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (value === null || typeof value !== "object") return typeof value;
  return Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]);
}

for (const algorithm of ["p256", "p384", "rsa", "ed25519"] satisfies KeyAlgorithm[]) {
  Deno.test(`key signer's bundles verify and have cosign's shape with ${algorithm}`, async () => {
    const { publicKeyPem, sign, signDsse } = await createKeySigner(algorithm);
    const verifier = createVerifier([
      { kind: "key", name: "ops", publicKeyPem, transparencyLog: "optional" },
    ]);
    assert.equal(verifier.verify(artifact, sign(artifact)).signer, "ops");
    assert.equal(verifier.verify(artifact, signDsse(artifact, "package")).signer, "ops");
    const cosigns = new URL(`${algorithm}.sigstore.json`, cosignFolder);
    assert.deepEqual(
      shapeOf(sign(artifact)),
      shapeOf(JSON.parse(Deno.readTextFileSync(cosigns))),
    );
  });
}

Deno.test("key signer's statements have cosign's shape", async () => {
  const { signDsse } = await createKeySigner();
  const cosigns = new URL("p256.attestation.json", cosignFolder);
  assert.deepEqual(
    shapeOf(signDsse(artifact, "package")),
    shapeOf(JSON.parse(Deno.readTextFileSync(cosigns))),
  );
});

Deno.test("key signer's hint is the SHA-256 of its public key", async () => {
  const { publicKeyPem, sign } = await createKeySigner();
  const der = Uint8Array.fromBase64(publicKeyPem.replace(/-----[A-Z ]+-----/g, ""));
  const { publicKey } = sign(artifact).verificationMaterial;
  assert.deepEqual(publicKey, { hint: sha256(der).toBase64() });
});

Deno.test("keyless authority follows its clock", async () => {
  const clock = new FakeClock(Date.parse("2031-01-01T00:00:00Z"));
  const authority = await createKeylessAuthority(clock);
  const who = { identity: "https://ci.example/release", issuer: "https://issuer.example" };
  const { trustedRootJson } = authority;
  const verifier = createVerifier([{ kind: "keyless", name: "ci", ...who, trustedRootJson }]);
  for (let day = 0; day < 3; day += 1) {
    const bundle = await authority.sign(artifact, who);
    assert.equal(verifier.verify(artifact, bundle).signedAtMs, clock.now());
    clock.advance(86_400_000);
  }
});
