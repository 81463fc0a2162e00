/** Hashes of a proof as documents and heartbeats have them: 32 bytes in base64. */
import { decodeBase64, encodeBase64 } from "../encoding.ts";

export function encodeHashes(hashes: readonly Uint8Array[]): string[] {
  return hashes.map(encodeBase64);
}

/** Throws SyntaxError; the schemas let nothing else through. */
export function decodeHashes(texts: readonly string[]): Uint8Array[] {
  return texts.map(decodeBase64);
}
