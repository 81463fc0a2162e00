/**
 * The verification pipeline: an artifact, a bundle and the configured signers in; who signed, or a
 * refusal, out. There is no third outcome: whatever throws inside is a refusal. No clock, no network.
 */
import "./crypto_mend.ts";
import { toSignedEntity } from "@sigstore/verify";
import { InvalidInputError } from "../../errors.ts";
import { encodeHex } from "../encoding.ts";
import { useNodeCrypto } from "../sha256.ts";
import { type Artifact, readSha256 } from "./artifact.ts";
import { parseBundle } from "./bundle.ts";
import { readContent } from "./content.ts";
import { refuse, toRefusal } from "./refusal.ts";
import { createTrustPolicy, type TrustedSigner, type TrustPolicy } from "./trust.ts";
import type { Verified } from "./verdict.ts";
import { verifyWithAuthorities } from "./with_certificate.ts";
import { verifyWithKeys } from "./with_key.ts";

export interface BundleVerifier {
  /** What signers are told apart by: `Verified.identity` is always one of these. */
  readonly identities: ReadonlySet<string>;
  /**
   * Throws RefusedError, or InvalidInputError `malformed_bundle` for what is no bundle
   * (`malformed_request` for a digest that is none), and nothing else.
   */
  verify(artifact: Artifact, bundle: unknown): Verified;
}

// The library stands on it, so that it is loaded now.
useNodeCrypto();

/** Throws StalledError `config_invalid` that names the signer whose key or root cannot be used. */
export function createVerifier(signers: readonly TrustedSigner[]): BundleVerifier {
  const policy = createTrustPolicy(signers);
  return {
    identities: new Set([
      ...policy.keys.map(({ key }) => key.id),
      ...policy.authorities.flatMap(({ identities }) => identities.map((one) => one.identity)),
    ]),
    verify(artifact, bundle) {
      try {
        return verifyBundle(policy, artifact, bundle);
      } catch (error) {
        throw error instanceof InvalidInputError ? error : toRefusal(error, null);
      }
    },
  };
}

function verifyBundle(policy: TrustPolicy, artifact: Artifact, value: unknown): Verified {
  const artifactSha256 = readSha256(artifact);
  const bundle = parseBundle(value, artifactSha256);
  const content = readContent(bundle, artifact);
  if (content.namesArtifact === false) {
    throw refuse("bad_signature", "artifact digest", null, "the bundle was made for other bytes");
  }
  const subject = {
    artifact,
    artifactHex: encodeHex(artifactSha256),
    bundle,
    content,
    entity: { ...toSignedEntity(bundle), signature: content },
  };
  const material = bundle.verificationMaterial.content;
  return material.$case === "publicKey"
    ? verifyWithKeys(policy.keys, subject, material.publicKey.hint)
    : verifyWithAuthorities(policy.authorities, subject);
}
