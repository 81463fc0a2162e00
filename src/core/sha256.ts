/**
 * SHA-256. By node:crypto for what is large, and for everything once that is loaded; by noble for what is
 * small before: node:crypto costs a start 20 ms and the idle agent 9 MiB.
 */
import { sha256 as hashHere } from "@noble/hashes/sha2.js";
import type { Hash } from "node:crypto";

type Part = Uint8Array | string;

/** From here on it costs noble more than a millisecond. */
const LARGE = 128 * 1024;
const encoder = new TextEncoder();
let createHash: ((name: "sha256") => Hash) | null = null;

/** Of the parts, one after the other. */
export function sha256Of(...parts: readonly Part[]): Uint8Array<ArrayBuffer> {
  if (createHash === null && parts.reduce((sum, { length }) => sum + length, 0) >= LARGE) {
    useNodeCrypto();
  }
  if (createHash !== null) {
    const hash = createHash("sha256");
    for (const part of parts) hash.update(part);
    return new Uint8Array(hash.digest());
  }
  const hash = hashHere.create();
  for (const part of parts) hash.update(typeof part === "string" ? encoder.encode(part) : part);
  return hash.digest();
}

/** For whoever has loaded node:crypto already. */
export function useNodeCrypto(): void {
  // deno-lint-ignore no-process-global -- an import of node:process is what is to be saved
  createHash ??= process.getBuiltinModule("node:crypto").createHash;
}
