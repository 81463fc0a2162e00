/** The in-toto statement inside a DSSE envelope. Read only after the envelope's signature was verified. */
import * as z from "zod";
import { decodeUtf8, encodeHex } from "../encoding.ts";
import { type Artifact, type HashName, readDigest } from "./artifact.ts";

/** https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md; an unknown type has an unknown meaning. */
const Statement = z.object({
  _type: z.enum(["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"]),
  subject: z.array(z.object({ digest: z.record(z.string(), z.string()) })).min(1),
});
type Digests = z.infer<typeof Statement>["subject"][number]["digest"];

const HASHES: readonly HashName[] = ["sha256", "sha384", "sha512"];

/** Why a statement does not vouch for the artifact; null when it does. */
export function findStatementFault(payload: Uint8Array, artifact: Artifact): string | null {
  const statement = Statement.safeParse(parseJson(payload));
  if (!statement.success) return "the signed payload is no in-toto statement v0.1 or v1";
  const { subject } = statement.data;
  if (subject.some(({ digest }) => isAbout(digest, artifact))) return null;
  return !(artifact instanceof Uint8Array) && subject.every(({ digest }) => !digest.sha256)
    ? "the signed statement names no SHA-256, and the artifact's bytes are not at hand"
    : "the signed statement is about other artifacts";
}

/** Every digest that can be compared must be the artifact's, and one at least. */
function isAbout(digests: Digests, artifact: Artifact): boolean {
  const named = HASHES.filter((hash) => Object.hasOwn(digests, hash));
  const verdicts = named.flatMap((hash) => {
    const digest = readDigest(artifact, hash);
    return digest === null ? [] : [digests[hash]!.toLowerCase() === encodeHex(digest)];
  });
  return verdicts.length > 0 && verdicts.every((same) => same);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(bytes));
  } catch {
    return undefined;
  }
}
