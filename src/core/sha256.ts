/**
 * SHA-256. By node:crypto for what is large, and for everything once that is loaded; by noble for what is
 * small before: node:crypto costs a start 20 ms and the idle agent 9 MiB.
 */
import { sha256 as hashHere } from "@noble/hashes/sha2.js";

type Part = Uint8Array | string;

/** From here on it costs noble more than a millisecond. */
const LARGE = 128 * 1024;
/** Up to here one call for all of it is worth a copy: node's objects cost more than their hash. */
const SMALL = 8 * 1024;
const encoder = new TextEncoder();
const scratch = new Uint8Array(SMALL);
let node: Pick<typeof import("node:crypto"), "createHash" | "hash"> | null = null;

/** Of the parts, one after the other. */
export function sha256Of(...parts: readonly Part[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (node === null && length >= LARGE) useNodeCrypto();
  if (node === null) {
    const hash = hashHere.create();
    for (const part of parts) hash.update(typeof part === "string" ? encoder.encode(part) : part);
    return hash.digest();
  }
  // A character takes up to three bytes. Hex, as a buffer of node's costs three times as much.
  if (length * 3 <= SMALL) return Uint8Array.fromHex(node.hash("sha256", gather(parts), "hex"));
  const hash = node.createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** For whoever has loaded node:crypto already. */
export function useNodeCrypto(): void {
  // deno-lint-ignore no-process-global -- an import of node:process is what is to be saved
  node ??= process.getBuiltinModule("node:crypto");
}

function gather(parts: readonly Part[]): Uint8Array {
  let filled = 0;
  for (const part of parts) {
    if (typeof part === "string") {
      filled += encoder.encodeInto(part, scratch.subarray(filled)).written;
    } else {
      scratch.set(part, filled);
      filled += part.length;
    }
  }
  return scratch.subarray(0, filled);
}
