/** Bytes and texts: hex, base64, UTF-8, SHA-256. */
import { sha256Of } from "./sha256.ts";

const encoder = new TextEncoder();

export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** Throws TypeError on bytes that are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

export function encodeBase64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

/** Strict: throws SyntaxError on anything that is not canonical standard base64. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
}

export function encodeBase64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Throws SyntaxError on anything else. */
export function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(text, { alphabet: "base64url" });
}

export function encodeHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

export function sha256(data: Uint8Array | string): Uint8Array<ArrayBuffer> {
  return sha256Of(data);
}

export function sha256Hex(data: Uint8Array | string): string {
  return sha256Of(data).toHex();
}
