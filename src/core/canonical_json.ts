/** RFC 8785 canonical JSON: the same value always gives the same bytes, so that digests mean something. */
import canonicalize from "canonicalize";
import { sha256Hex } from "./encoding.ts";

/** Throws TypeError on what JSON cannot hold. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("value has no JSON form");
  return text;
}

/** `sha256:<hex>` of the canonical form. */
export function canonicalDigest(value: unknown): string {
  return `sha256:${sha256Hex(canonicalJson(value))}`;
}
