/** Signatures over a digest that was made elsewhere; node:crypto's verify always hashes itself. */
import { p256, p384 } from "@noble/curves/nist.js";
import { Buffer } from "node:buffer";
import { type KeyObject, publicDecrypt } from "node:crypto";

const CURVES: Readonly<Record<string, { readonly curve: typeof p256; readonly bytes: number }>> = {
  prime256v1: { curve: p256, bytes: 32 },
  secp384r1: { curve: p384, bytes: 48 },
};
/** DER of a DigestInfo up to its SHA-256 digest: RFC 8017, section 9.2. */
const SHA256_INFO = Uint8Array.fromHex("3031300d060960864801650304020105000420");

/** null for Ed25519 keys: they sign the message itself. */
export function verifyDigest(
  key: KeyObject,
  sha256: Uint8Array,
  signature: Uint8Array,
): boolean | null {
  if (key.asymmetricKeyType === "rsa") return verifyRsa(key, sha256, signature);
  const named = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ""];
  if (!named) return null;
  const { x, y } = key.export({ format: "jwk" });
  const point = new Uint8Array(1 + 2 * named.bytes);
  point[0] = 0x04;
  point.set(fromBase64Url(x), 1);
  point.set(fromBase64Url(y), 1 + named.bytes);
  try {
    return named.curve.verify(signature, sha256, point, {
      prehash: false,
      format: "der",
      // cosign and every Sigstore peer sign without the low-S rule, as X9.62 allows.
      lowS: false,
    });
  } catch {
    return false;
  }
}

/** RSASSA-PKCS1-v1_5, RFC 8017: the whole encoded digest is compared, so that nothing can hide behind it. */
function verifyRsa(key: KeyObject, sha256: Uint8Array, signature: Uint8Array): boolean {
  try {
    return publicDecrypt(key, Buffer.from(signature)).equals(
      Buffer.concat([SHA256_INFO, sha256]),
    );
  } catch {
    return false;
  }
}

function fromBase64Url(text: string | undefined): Uint8Array {
  return Uint8Array.fromBase64(text ?? "", { alphabet: "base64url" });
}
