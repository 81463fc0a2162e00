/** Public keys that may verify: ECDSA P-256 and P-384, Ed25519, RSA from 2048 bits. Nothing weaker. */
import { createPublicKey, type KeyObject } from "node:crypto";
import { encodeBase64, sha256 } from "../encoding.ts";
import { MAX_PEM_LENGTH, MAX_RSA_BITS, MIN_RSA_BITS, PUBLIC_KEY_PEM } from "./key_limits.ts";

const MIN_RSA_EXPONENT = 65_537n;
const CURVES: readonly unknown[] = ["prime256v1", "secp384r1"];

export interface PublicKey {
  readonly object: KeyObject;
  readonly spki: Uint8Array;
  /** `sha256:<hex>` of the SubjectPublicKeyInfo. */
  readonly id: string;
  /** What cosign writes as a bundle's `publicKey.hint`: base64 of the same hash. */
  readonly hint: string;
}

/** Throws Error that says what is wrong with the text; never quotes it, since it may be a private key. */
export function parsePublicKey(pem: string): PublicKey {
  if (pem.includes("PRIVATE KEY")) throw new Error("is a private key; give the public one");
  if (pem.length > MAX_PEM_LENGTH || !PUBLIC_KEY_PEM.test(pem)) {
    throw new Error('is not one PEM block of type "PUBLIC KEY"');
  }
  let object: KeyObject;
  try {
    object = createPublicKey(pem);
  } catch {
    throw new Error("does not hold a public key that can be read");
  }
  const weakness = findWeakness(object);
  if (weakness !== null) throw new Error(weakness);
  const spki = new Uint8Array(object.export({ type: "spki", format: "der" }));
  const hash = sha256(spki);
  return { object, spki, id: `sha256:${hash.toHex()}`, hint: encodeBase64(hash) };
}

/** Why a key must not verify anything; null when it may. */
export function findWeakness(key: KeyObject): string | null {
  const details = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "ed25519":
      return null;
    case "ec":
      return CURVES.includes(details.namedCurve)
        ? null
        : `is on the curve ${details.namedCurve ?? "unknown"}; P-256 or P-384 is needed`;
    case "rsa": {
      const bits = details.modulusLength ?? 0;
      if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) {
        return `is RSA with ${bits} bits; ${MIN_RSA_BITS} to ${MAX_RSA_BITS} are needed`;
      }
      return (details.publicExponent ?? 0n) < MIN_RSA_EXPONENT
        ? `is RSA with an exponent below ${MIN_RSA_EXPONENT}`
        : null;
    }
    default:
      return `is of type ${key.asymmetricKeyType ?? "unknown"}; ECDSA, Ed25519 or RSA is needed`;
  }
}
