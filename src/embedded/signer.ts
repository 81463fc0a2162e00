/** Signs as `cosign sign-blob --key` and `cosign attest-blob --key` do: bundle v0.3, no transparency log. */
import { Buffer } from "node:buffer";
import { createHash, generateKeyPairSync, type KeyObject, sign as signBytes } from "node:crypto";
import { dsse } from "@sigstore/core";
import { encodeBase64, encodeUtf8, sha256, sha256Hex } from "../core/encoding.ts";

export const BUNDLE_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";
export const STATEMENT_MEDIA_TYPE = "application/vnd.in-toto+json";

export type KeyAlgorithm = "p256" | "p384" | "ed25519" | "rsa";

/** A bundle's signature half, in its JSON form. */
export type BundleContent =
  | {
    messageSignature: {
      messageDigest: { algorithm?: string; digest?: string };
      signature: string;
    };
  }
  | { dsseEnvelope: { payload: string; payloadType: string; signatures: [{ sig: string }] } };

export type BundleJson = BundleContent & {
  mediaType: string;
  verificationMaterial: Record<string, unknown>;
};

export interface KeySigner {
  readonly publicKeyPem: string;
  sign(bytes: Uint8Array): BundleJson;
  /** An in-toto statement that names the bytes' SHA-256. */
  signDsse(bytes: Uint8Array, name: string): BundleJson;
}

export function createKeySigner(algorithm: KeyAlgorithm = "p256"): Promise<KeySigner> {
  const { publicKey, privateKey } = generateKeys(algorithm);
  const hint = encodeBase64(sha256(publicKey.export({ type: "spki", format: "der" })));
  const toBundle = (content: BundleContent): BundleJson => ({
    mediaType: BUNDLE_MEDIA_TYPE,
    verificationMaterial: { publicKey: { hint } },
    ...content,
  });
  return Promise.resolve({
    publicKeyPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    sign: (bytes) => toBundle(signMessage(bytes, privateKey)),
    signDsse: (bytes, name) => toBundle(signStatement(bytes, name, privateKey)),
  });
}

export function signMessage(bytes: Uint8Array, key: KeyObject): BundleContent {
  const signature = signBytes(hashFor(key), bytes, key).toString("base64");
  // Ed25519 hashes the message itself; cosign leaves the digest empty then.
  const hash = hashFor(key);
  const messageDigest = hash === null ? {} : {
    algorithm: hash === "sha384" ? "SHA2_384" : "SHA2_256",
    digest: createHash(hash).update(bytes).digest("base64"),
  };
  return { messageSignature: { messageDigest, signature } };
}

export function signStatement(bytes: Uint8Array, name: string, key: KeyObject): BundleContent {
  const payload = encodeUtf8(JSON.stringify({
    _type: "https://in-toto.io/Statement/v0.1",
    subject: [{ name, digest: { sha256: sha256Hex(bytes) } }],
    predicateType: "https://cosign.sigstore.dev/attestation/v1",
    predicate: {},
  }));
  const signedBytes = dsse.preAuthEncoding(STATEMENT_MEDIA_TYPE, Buffer.from(payload));
  return {
    dsseEnvelope: {
      payload: encodeBase64(payload),
      payloadType: STATEMENT_MEDIA_TYPE,
      signatures: [{ sig: signBytes(hashFor(key), signedBytes, key).toString("base64") }],
    },
  };
}

function generateKeys(algorithm: KeyAlgorithm): { publicKey: KeyObject; privateKey: KeyObject } {
  switch (algorithm) {
    case "p256":
      return generateKeyPairSync("ec", { namedCurve: "P-256" });
    case "p384":
      return generateKeyPairSync("ec", { namedCurve: "P-384" });
    case "ed25519":
      return generateKeyPairSync("ed25519");
    case "rsa":
      return generateKeyPairSync("rsa", { modulusLength: 2048 });
  }
}

function hashFor(key: KeyObject): "sha256" | "sha384" | null {
  if (key.asymmetricKeyType === "ed25519") return null;
  return key.asymmetricKeyDetails?.namedCurve === "secp384r1" ? "sha384" : "sha256";
}
