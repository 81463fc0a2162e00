/** Whole verifications on one core, beside `crypto.verify` of the very same signature. */
import crypto, { type KeyObject } from "node:crypto";
import { decodeBase64 } from "../../src/core/encoding.ts";
import type { TrustedSigner } from "../../src/core/verification/trust.ts";
import { createVerifier } from "../../src/core/verification/verify.ts";
import { createKeylessAuthority } from "../../src/embedded/keyless_authority.ts";
import { type BundleJson, createKeySigner, type KeyAlgorithm } from "../../src/embedded/signer.ts";
import { systemClock } from "../../src/runtime_deno.ts";
import { quantile } from "./statistics.ts";
import { deployment, workPackage } from "./work_packages.ts";

const ROUNDS = 7;
const ROUND_MS = 80;
const IDENTITY = {
  identity: "https://ci.example.com/release",
  issuer: "https://token.example.com",
};

export interface VerificationRate {
  readonly what: string;
  /** Of one core, as the median of several rounds. */
  readonly verifiedPerSecond: number;
  readonly bareVerifiesPerSecond: number;
  /** How many bare verifies one whole verification takes: the median of the rounds' ratios. */
  readonly ratio: number;
}

export async function measureVerification(): Promise<VerificationRate[]> {
  const manifest = deployment({ namespace: "shop", name: "bench" }, "0");
  const bytes = workPackage({ clusterId: "c-bench", sequence: 1, manifest });
  const rates: VerificationRate[] = [];
  const keys = [["p256", "P-256"], ["ed25519", "Ed25519"], ["rsa", "RSA-2048"], ["p384", "P-384"]];
  for (const [algorithm, name] of keys) {
    const signer = await createKeySigner(algorithm as KeyAlgorithm);
    const trusted: TrustedSigner = {
      kind: "key",
      name: "bench",
      publicKeyPem: signer.publicKeyPem,
      transparencyLog: "optional",
    };
    const key = crypto.createPublicKey(signer.publicKeyPem);
    rates.push(compare(`key, ${name}`, bytes, signer.sign(bytes), trusted, key));
  }
  for (const log of ["v1", "v2"] as const) {
    const authority = await createKeylessAuthority(systemClock());
    const bundle = await authority.sign(bytes, IDENTITY, { log });
    const { trustedRootJson } = authority;
    const trusted: TrustedSigner = { kind: "keyless", name: "bench", ...IDENTITY, trustedRootJson };
    const what = `keyless, Rekor ${log}${log === "v2" ? " and a timestamp" : ""}`;
    rates.push(compare(what, bytes, bundle, trusted, certifiedKey(bundle)));
  }
  return rates;
}

function compare(
  what: string,
  bytes: Uint8Array,
  bundle: BundleJson,
  trusted: TrustedSigner,
  key: KeyObject,
): VerificationRate {
  const verifier = createVerifier([trusted]);
  const { messageSignature } = bundle as Extract<BundleJson, { messageSignature: unknown }>;
  const signature = decodeBase64(messageSignature.signature);
  const digest = digestFor(key);
  const whole = () => void verifier.verify(bytes, bundle);
  const bare = () => {
    if (!crypto.verify(digest, bytes, key, signature)) throw new Error(`${what}: does not verify`);
  };
  perSecond(whole);
  perSecond(bare);
  const rounds = Array.from({ length: ROUNDS }, () => [perSecond(whole), perSecond(bare)] as const);
  return {
    what,
    verifiedPerSecond: quantile(rounds.map(([ours]) => ours), 0.5),
    bareVerifiesPerSecond: quantile(rounds.map(([, theirs]) => theirs), 0.5),
    ratio: quantile(rounds.map(([ours, theirs]) => theirs / ours), 0.5),
  };
}

function perSecond(work: () => void): number {
  const startMs = performance.now();
  let done = 0;
  let elapsedMs = 0;
  for (; elapsedMs < ROUND_MS; done++) {
    work();
    elapsedMs = performance.now() - startMs;
  }
  return done / elapsedMs * 1000;
}

/** null: Ed25519 hashes for itself. */
function digestFor(key: KeyObject): string | null {
  if (key.asymmetricKeyType === "ed25519") return null;
  return key.asymmetricKeyDetails?.namedCurve === "secp384r1" ? "sha384" : "sha256";
}

function certifiedKey({ verificationMaterial }: BundleJson): KeyObject {
  const { rawBytes } = verificationMaterial["certificate"] as { rawBytes: string };
  const pem = `-----BEGIN CERTIFICATE-----\n${rawBytes}\n-----END CERTIFICATE-----\n`;
  return crypto.createPublicKey(pem);
}
