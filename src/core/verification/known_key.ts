/**
 * Which keys certainly can verify, told without the library that verifies: an agent that waits for its
 * first package need not have loaded it. Pure.
 */
import { decodeBase64, sha256Hex } from "../encoding.ts";
import { MAX_PEM_LENGTH, MAX_RSA_BITS, MIN_RSA_BITS, PUBLIC_KEY_PEM } from "./key_limits.ts";

/** Any other kind or curve is the library's to judge. */
const KINDS = [
  { name: "ECDSA", namedCurve: "P-256" },
  { name: "ECDSA", namedCurve: "P-384" },
  { name: "Ed25519" },
  { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
] as const;
/** 65,537, which is the exponent of all but very few keys. */
const USUAL_EXPONENT = "010001";

/**
 * `PublicKey.id` of a key that is beyond doubt; null for one that `parsePublicKey` must look at, which
 * may know it to be good, and otherwise says what is wrong with it.
 */
export async function idOfKnownKey(pem: string): Promise<string | null> {
  const [, base64] = pem.length > MAX_PEM_LENGTH ? [] : PUBLIC_KEY_PEM.exec(pem) ?? [];
  if (base64 === undefined) return null;
  for (const kind of KINDS) {
    try {
      const der = decodeBase64(base64.replace(/\s+/g, ""));
      const key = await crypto.subtle.importKey("spki", der, kind, true, ["verify"]);
      const encoded = new Uint8Array(await crypto.subtle.exportKey("spki", key));
      // Another encoding of the same key would have another hash.
      if (encoded.toHex() !== der.toHex() || !isStrong(key.algorithm)) return null;
      return `sha256:${sha256Hex(der)}`;
    } catch {
      // No key of this kind.
    }
  }
  return null;
}

function isStrong(algorithm: KeyAlgorithm): boolean {
  if (algorithm.name !== "RSASSA-PKCS1-v1_5") return true;
  const { modulusLength, publicExponent } = algorithm as RsaHashedKeyAlgorithm;
  return modulusLength >= MIN_RSA_BITS && modulusLength <= MAX_RSA_BITS &&
    publicExponent.toHex() === USUAL_EXPONENT;
}
