import assert from "node:assert/strict";
import type { TrustedSigner } from "../../../src/core/verification/trust.ts";
import { createVerifier } from "../../../src/core/verification/verify.ts";
import { encodeUtf8, sha256Hex } from "../../../src/core/encoding.ts";
import { createKeylessAuthority } from "../../../src/embedded/keyless_authority.ts";
import { createKeySigner } from "../../../src/embedded/signer.ts";
import { FakeClock } from "../../fakes/fake_clock.ts";
import { expectRefusal } from "./expect_refusal.ts";

const artifact = encodeUtf8("the package");
const clock = new FakeClock();
const authority = await createKeylessAuthority(clock);
const ops = await createKeySigner();
const dev = await createKeySigner();
const bundle = ops.sign(artifact);
const logged = await authority.addLogEntry(bundle, ops.publicKeyPem);

type KeySigner = Extract<TrustedSigner, { kind: "key" }>;

function trust(...changes: Partial<KeySigner>[]) {
  return createVerifier(changes.map((change, index) => ({
    kind: "key",
    name: `ops-${index}`,
    publicKeyPem: ops.publicKeyPem,
    transparencyLog: "optional",
    ...change,
  })));
}
const withRoot = { trustedRootJson: authority.trustedRootJson };
const withHint = (hint: string) => ({ ...bundle, verificationMaterial: { publicKey: { hint } } });

Deno.test("verifier names the signer, its key and the artifact", () => {
  const verified = trust({ name: "ops" }).verify(artifact, bundle);
  assert.equal(verified.signer, "ops");
  assert.match(verified.identity, /^sha256:[0-9a-f]{64}$/);
  assert.deepEqual({ ...verified, identity: "" }, {
    signer: "ops",
    identity: "",
    digest: `sha256:${sha256Hex(artifact)}`,
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    logged: false,
    signedAtMs: null,
  });
});

Deno.test("verifier accepts the right key whatever hint the bundle carries", () => {
  for (const hint of ["", "build key 7", sha256Hex("x"), btoa("x")]) {
    assert.equal(trust({}).verify(artifact, withHint(hint)).signer, "ops-0");
  }
  assert.equal(
    trust({}).verify(artifact, { ...bundle, verificationMaterial: { publicKey: {} } }).signer,
    "ops-0",
  );
});

Deno.test("verifier finds the right one of several keys, and is not led by a hint to another", () => {
  const keys = [{ name: "dev", publicKeyPem: dev.publicKeyPem }, { name: "ops" }];
  const devHint = (dev.sign(artifact).verificationMaterial.publicKey as { hint: string }).hint;
  assert.equal(trust(...keys).verify(artifact, bundle).signer, "ops");
  assert.equal(trust(...keys).verify(artifact, withHint(devHint)).signer, "ops");
});

Deno.test("verifier refuses a tampered artifact with bad_signature", () => {
  const altered = encodeUtf8("the Package");
  expectRefusal(() => trust({}).verify(altered, bundle), "bad_signature", /artifact digest check/);
  const noDigest = structuredClone(bundle) as unknown as { messageSignature: unknown };
  noDigest.messageSignature = {
    ...noDigest.messageSignature as object,
    messageDigest: null,
  };
  expectRefusal(
    () => trust({ name: "ops" }).verify(altered, noDigest),
    "bad_signature",
    /signature check failed for signer "ops"/,
  );
  assert.equal(trust({}).verify(artifact, noDigest).signer, "ops-0");
});

Deno.test("verifier refuses a bundle whose digest field was altered, though the signature holds", () => {
  const altered = structuredClone(bundle) as unknown as {
    messageSignature: { messageDigest: { digest: string } };
  };
  altered.messageSignature.messageDigest.digest = btoa("x".repeat(32));
  expectRefusal(() => trust({}).verify(artifact, altered), "bad_signature", /artifact digest/);
});

Deno.test("verifier refuses another's signature with unknown_signer when its hint names another key", () => {
  expectRefusal(() => trust({}).verify(artifact, dev.sign(artifact)), "unknown_signer", /signer/);
});

Deno.test("verifier refuses another's signature with bad_signature when its hint names no key", () => {
  const anonymous = { ...dev.sign(artifact), verificationMaterial: { publicKey: { hint: "" } } };
  expectRefusal(() => trust({ name: "ops" }).verify(artifact, anonymous), "bad_signature", /"ops"/);
  expectRefusal(
    () => trust({}, {}).verify(artifact, anonymous),
    "bad_signature",
    /"ops-0", "ops-1"/,
  );
});

Deno.test("verifier refuses everything when no signer of the bundle's kind is trusted", () => {
  expectRefusal(() => trust().verify(artifact, bundle), "unknown_signer", /no key is trusted/);
});

Deno.test("verifier refuses an unsigned artifact with missing_signature", () => {
  for (const nothing of [undefined, null, "", {}]) {
    expectRefusal(() => trust({}).verify(artifact, nothing), "missing_signature");
  }
});

Deno.test("verifier refuses a statement about another artifact, though its signature holds", () => {
  const statement = ops.signDsse(artifact, "package");
  assert.equal(trust({}).verify(artifact, statement).signer, "ops-0");
  expectRefusal(
    () => trust({}).verify(encodeUtf8("other"), statement),
    "bad_signature",
    /statement check failed for signer "ops-0": .* other artifacts/,
  );
});

Deno.test("verifier demands a log entry where the signer's log is required", () => {
  const required = trust({ ...withRoot, transparencyLog: "required" });
  expectRefusal(() => required.verify(artifact, bundle), "missing_log_proof", /expected 1/);
  const verified = required.verify(artifact, logged);
  assert.equal(verified.logged, true);
  assert.equal(verified.signedAtMs, clock.now());
  expectRefusal(() => required.verify(artifact, dev.sign(artifact)), "unknown_signer");
});

Deno.test("verifier checks log entries of a signer whose log is optional when it has a root", async () => {
  assert.equal(trust(withRoot).verify(artifact, logged).logged, true);
  assert.equal(trust(withRoot).verify(artifact, bundle).logged, false);
  const elsewhere = await createKeylessAuthority(clock);
  const foreign = await elsewhere.addLogEntry(bundle, ops.publicKeyPem);
  expectRefusal(() => trust(withRoot).verify(artifact, foreign), "missing_log_proof", /"ops-0"/);
});

Deno.test("verifier takes no account of log entries that it has no root for", () => {
  const verified = trust({}).verify(artifact, logged);
  assert.equal(verified.logged, false);
  assert.equal(verified.signedAtMs, null);
});

Deno.test("verifier refuses a log entry that names another's key for the same signature", async () => {
  const disguised = await authority.addLogEntry(bundle, dev.publicKeyPem);
  expectRefusal(
    () => trust(withRoot).verify(artifact, disguised),
    "missing_log_proof",
    /names another signer/,
  );
});

Deno.test("verifier refuses as malformed a digest that is no SHA-256", () => {
  expectRefusal(() => trust({}).verify({ sha256: "sha256:12" }, bundle), "malformed_request");
});

Deno.test("verifier accepts statements over a digest and refuses those over another", () => {
  const statement = ops.signDsse(artifact, "package");
  const digest = sha256Hex(artifact);
  assert.equal(trust({}).verify({ sha256: `sha256:${digest}` }, statement).signer, "ops-0");
  expectRefusal(() => trust({}).verify({ sha256: sha256Hex("x") }, statement), "bad_signature");
});
