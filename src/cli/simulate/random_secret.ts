/** 192 random bits in hexadecimal: long enough to be found again wherever it should not be. */
import { randomBytes } from "node:crypto";
import { encodeHex } from "../../core/encoding.ts";

export function randomSecret(): string {
  return encodeHex(new Uint8Array(randomBytes(24)));
}
