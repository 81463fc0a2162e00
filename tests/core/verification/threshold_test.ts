/** Several signers: who counts, who does not, and what is said when they are too few. */
import assert from "node:assert/strict";
import { encodeUtf8 } from "../../../src/core/encoding.ts";
import { namesOf, requireSigners } from "../../../src/core/verification/threshold.ts";
import type { TrustedSigner } from "../../../src/core/verification/trust.ts";
import { createVerifier } from "../../../src/core/verification/verify.ts";
import { createKeylessAuthority } from "../../../src/embedded/keyless_authority.ts";
import { createKeySigner, type KeySigner } from "../../../src/embedded/signer.ts";
import { FakeClock } from "../../fakes/fake_clock.ts";
import { expectRefusal, expectRejection } from "./expect_refusal.ts";

const artifact = encodeUtf8("the package");
const authority = await createKeylessAuthority(new FakeClock());
const who = { identity: "ana@example.com", issuer: "https://accounts.google.com" };
const ops = await createKeySigner();
const dev = await createKeySigner();
const stranger = await createKeySigner();
const keyless = await authority.sign(artifact, who);

const trustKey = (name: string, { publicKeyPem }: KeySigner): TrustedSigner => ({
  kind: "key",
  name,
  publicKeyPem,
  transparencyLog: "optional",
});
const ana: TrustedSigner = {
  kind: "keyless",
  name: "ana",
  ...who,
  trustedRootJson: authority.trustedRootJson,
};
const SIGNERS = [trustKey("ops", ops), trustKey("dev", dev), ana];

const require = (threshold: number, signers = SIGNERS) =>
  requireSigners(createVerifier(signers), threshold);
const signersOf = async (threshold: number, bundles: readonly unknown[]) =>
  namesOf(await require(threshold).verify(artifact, bundles)).map(({ name }) => name);

Deno.test("threshold is met by distinct keys and identities, in the order of their bundles", async () => {
  assert.deepEqual(await signersOf(2, [dev.sign(artifact), ops.sign(artifact)]), ["dev", "ops"]);
  const all = [ops.sign(artifact), keyless, dev.signDsse(artifact, "package")];
  assert.deepEqual(await signersOf(3, all), ["ops", "ana", "dev"]);
  assert.deepEqual(await signersOf(1, all), ["ops", "ana", "dev"]);
});

Deno.test("threshold counts one signer once, whatever number of bundles it sends", async () => {
  for (
    const bundles of [
      [ops.sign(artifact), ops.sign(artifact), ops.signDsse(artifact, "package")],
      [keyless, await authority.sign(artifact, who)],
    ]
  ) {
    await expectRejection(
      () => require(2).verify(artifact, bundles),
      "too_few_signers",
      /threshold check failed: 1 of 2 distinct signers signed: "(ops|ana)"/,
    );
  }
});

Deno.test("threshold counts one key once under two names, and says so where no other could sign", async () => {
  const twice = [trustKey("ops", ops), trustKey("ops-again", ops), trustKey("dev", dev)];
  const bundles = [ops.sign(artifact), ops.sign(artifact)];
  await expectRejection(
    () => require(2, twice).verify(artifact, bundles),
    "too_few_signers",
    /1 of 2/,
  );
  expectRefusal(
    () => require(2, twice.slice(0, 2)),
    "config_invalid",
    /threshold is 2, and trust.signers names 1 distinct/,
  );
});

Deno.test("threshold takes no account of bundles that do not verify, but says why they do not", async () => {
  const bad = stranger.sign(artifact);
  assert.deepEqual(await signersOf(2, [bad, ops.sign(artifact), dev.sign(artifact)]), [
    "ops",
    "dev",
  ]);
  await expectRejection(
    () => require(2).verify(artifact, [ops.sign(artifact), bad]),
    "too_few_signers",
    /1 of 2 .*"ops"; not counted: signer check failed/,
  );
});

Deno.test("threshold names the refusal that came furthest when nobody signed", async () => {
  const other = encodeUtf8("other");
  await expectRejection(
    () => require(2).verify(artifact, [stranger.sign(artifact)]),
    "unknown_signer",
  );
  await expectRejection(() => require(1).verify(other, [ops.sign(artifact)]), "bad_signature");
  await expectRejection(() => require(2).verify(artifact, []), "missing_signature");
});

Deno.test("threshold refuses the whole for a malformed bundle, and for more bundles than ten", async () => {
  await expectRejection(
    () => require(1).verify(artifact, [ops.sign(artifact), { mediaType: "x" }]),
    "malformed_bundle",
  );
  const many = Array.from({ length: 11 }, () => ops.sign(artifact));
  await expectRejection(() => require(1).verify(artifact, many), "malformed_bundle", /11 bundles/);
});
