/**
 * Label values that are to be told apart and not to be read: HMAC-SHA-256 (RFC 2104), cut to 64 bits, as
 * 16 hexadecimal digits. With a key, because names of customers, hosts or addresses are few: whoever sees
 * plain hashes of them tries all, and reads them. Of 100,000 values two are alike with a chance of one in
 * 3 billion.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeUtf8 } from "../../encoding.ts";

const DIGITS = 16;
/** The same values come with every window; more of them than this are worked out anew. */
const MAX_REMEMBERED = 50_000;

/** @param key at least 16 bytes that nobody else has */
export async function createLabelHash(key: Uint8Array): Promise<(value: string) => string> {
  // Only where a query hashes labels.
  const { hmac } = await import("@noble/hashes/hmac.js");
  const remembered = new Map<string, string>();
  return (value) => {
    let hashed = remembered.get(value);
    if (hashed === undefined) {
      hashed = hmac(sha256, key, encodeUtf8(value)).toHex().slice(0, DIGITS);
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      remembered.set(value, hashed);
    }
    return hashed;
  };
}
