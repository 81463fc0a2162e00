/**
 * What a bundle's signature covers, as the library's Verifier asks for it. Its own classes hash every
 * envelope with SHA-256, which refuses cosign's P-384 signatures, and need the artifact's bytes.
 */
import type { Bundle } from "@sigstore/bundle";
import { crypto, dsse } from "@sigstore/core";
import { HashAlgorithm } from "@sigstore/protobuf-specs";
import type { SignedEntity } from "@sigstore/verify";
import { Buffer } from "node:buffer";
import type { KeyObject } from "node:crypto";
import { sha256 } from "../encoding.ts";
import { type Artifact, type HashName, readDigest } from "./artifact.ts";
import { verifyDigest } from "./prehashed.ts";

type SignatureContent = SignedEntity["signature"];

export interface SignedContent extends SignatureContent {
  /** The in-toto payload; null for a signature straight over the artifact. */
  readonly payload: Uint8Array | null;
  /** Whether the bundle names the artifact's digest; null when that cannot be known from the SHA-256 alone. */
  readonly namesArtifact: boolean | null;
}

/** Thrown where an answer needs the artifact's bytes and only its digest is at hand. */
export class NeedsArtifactError extends Error {
  override readonly name = "NeedsArtifactError";
}

const HASHES: Partial<Record<HashAlgorithm, HashName>> = {
  [HashAlgorithm.SHA2_256]: "sha256",
  [HashAlgorithm.SHA2_384]: "sha384",
  [HashAlgorithm.SHA2_512]: "sha512",
};

export function readContent(bundle: Bundle, artifact: Artifact): SignedContent {
  return bundle.content.$case === "dsseEnvelope"
    ? readEnvelope(bundle.content.dsseEnvelope)
    : readMessage(bundle.content.messageSignature, artifact);
}

type Envelope = Extract<Bundle["content"], { $case: "dsseEnvelope" }>["dsseEnvelope"];
type Message = Extract<Bundle["content"], { $case: "messageSignature" }>["messageSignature"];

/** A verdict is kept for the last key: the pipeline asks for it before the library does. */
function rememberVerdict(verify: (key: KeyObject) => boolean): (key: KeyObject) => boolean {
  let last: { readonly key: KeyObject; readonly verdict: boolean } | null = null;
  return (key) => {
    if (last === null || !(last.key === key || last.key.equals(key))) {
      last = { key, verdict: verify(key) };
    }
    return last.verdict;
  };
}

function readEnvelope({ payload, payloadType, signatures }: Envelope): SignedContent {
  const signature = signatures[0]!.sig;
  const signedBytes = dsse.preAuthEncoding(payloadType, payload);
  return {
    signature,
    payload,
    namesArtifact: true,
    compareSignature: (other) => signature.equals(other),
    compareDigest: (digest) => digest.equals(sha256(payload)),
    compareSignedDigest: (digest) => digest.equals(sha256(signedBytes)),
    verifySignature: rememberVerdict((key) =>
      verifyBytes(key, curveHash(key), signedBytes, signature)
    ),
  };
}

function readMessage({ signature, messageDigest }: Message, artifact: Artifact): SignedContent {
  const hash = HASHES[messageDigest.algorithm] ?? "sha256";
  const digest = readDigest(artifact, hash);
  const compareDigest = (other: Buffer) => messageDigest.digest.equals(other);
  return {
    signature,
    payload: null,
    namesArtifact: digest && compareDigest(Buffer.from(digest)),
    compareSignature: (other) => signature.equals(other),
    compareDigest,
    compareSignedDigest: compareDigest,
    verifySignature: rememberVerdict((key) => {
      if (artifact instanceof Uint8Array) return verifyBytes(key, hash, artifact, signature);
      const verdict = digest && verifyDigest(key, digest, signature);
      if (verdict === null) throw new NeedsArtifactError("the artifact's bytes are needed");
      return verdict;
    }),
  };
}

/** The library's call: false, too, where node:crypto throws at a signature that it cannot read. */
function verifyBytes(
  key: KeyObject,
  hash: HashName,
  bytes: Uint8Array,
  signature: Buffer,
): boolean {
  const algorithm = key.asymmetricKeyType === "ed25519" ? undefined : hash;
  return crypto.verify(Buffer.from(bytes), key, signature, algorithm);
}

/** The hash that Sigstore's algorithm registry pairs with a key. */
function curveHash(key: KeyObject): HashName {
  return key.asymmetricKeyDetails?.namedCurve === "secp384r1" ? "sha384" : "sha256";
}
