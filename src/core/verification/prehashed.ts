/** ECDSA over a digest that was made elsewhere, which node:crypto cannot check: it always hashes itself. */
import { p256 } from "@noble/curves/nist.js";
import type { KeyObject } from "node:crypto";

/** null for every key but P-256: RSA and Ed25519 sign the message itself, P-384 signs its SHA-384. */
export function verifyDigest(
  key: KeyObject,
  sha256: Uint8Array,
  signature: Uint8Array,
): boolean | null {
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") return null;
  const { x, y } = key.export({ format: "jwk" });
  const point = new Uint8Array([0x04, ...fromBase64Url(x), ...fromBase64Url(y)]);
  return p256.verify(signature, sha256, point, {
    prehash: false,
    format: "der",
    // cosign and every Sigstore peer sign without the low-S rule, as X9.62 allows.
    lowS: false,
  });
}

function fromBase64Url(text: string | undefined): Uint8Array {
  return Uint8Array.fromBase64(text ?? "", { alphabet: "base64url" });
}
