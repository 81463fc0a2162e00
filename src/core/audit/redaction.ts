/**
 * Texts that must not enter the audit log, which nobody can delete for years. The record carries a hash
 * instead, over the text and a random salt that stands at its end: where the text is kept, the salt is
 * kept, whoever has both can show what was recorded, and once they are deleted no guess finds it again.
 */
import { encodeBase64Url, sha256Hex } from "../encoding.ts";

/** 128 bits: nobody tries them all. */
export const SALT_BYTES = 16;
const SALTED = / \(salt [A-Za-z0-9_-]{22}\)$/;

/** The text as it is to be kept outside of the audit log. @param salt `SALT_BYTES` random ones */
export function salted(text: string, salt: Uint8Array): string {
  return `${text.toWellFormed()} (salt ${encodeBase64Url(salt)})`;
}

/** What the record holds in its place. Throws TypeError for a text without a salt: it could be guessed. */
export function redacted(saltedText: string): string {
  if (!SALTED.test(saltedText)) throw new TypeError("a text without a salt cannot be hidden");
  return `sha256:${sha256Hex(saltedText)}`;
}

/** Whether a record speaks of exactly this text, its salt included. */
export function isRedactionOf(value: unknown, saltedText: string): boolean {
  return value === `sha256:${sha256Hex(saltedText)}`;
}
