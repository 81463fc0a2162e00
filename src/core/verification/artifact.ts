/** What was signed: the bytes, or only their SHA-256 where the bytes are elsewhere. */
import { createHash } from "node:crypto";
import { InvalidInputError } from "../../errors.ts";
import { sha256 } from "../encoding.ts";

export type Artifact = Uint8Array | { readonly sha256: string };
export type HashName = "sha256" | "sha384" | "sha512";

/** Throws InvalidInputError `malformed_request` for a digest that is not 64 hexadecimal digits. */
export function readSha256(artifact: Artifact): Uint8Array {
  if (artifact instanceof Uint8Array) return sha256(artifact);
  const hex = artifact.sha256.replace(/^sha256:/, "");
  if (!/^[0-9a-f]{64}$/.test(hex)) {
    throw new InvalidInputError("malformed_request", "the artifact's digest is not a SHA-256", {
      hint: "give sha256: and 64 lower-case hexadecimal digits",
    });
  }
  return Uint8Array.fromHex(hex);
}

/** null when the digest cannot be known: only the SHA-256 is at hand and another was asked for. */
export function readDigest(artifact: Artifact, hash: HashName): Uint8Array | null {
  if (artifact instanceof Uint8Array) return createHash(hash).update(artifact).digest();
  return hash === "sha256" ? readSha256(artifact) : null;
}
