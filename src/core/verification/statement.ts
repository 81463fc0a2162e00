/** The in-toto statement inside a DSSE envelope. Read only after the envelope's signature was verified. */
import { z } from "zod";
import { decodeUtf8 } from "../encoding.ts";

const Statement = z.object({
  _type: z.enum(["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"]),
  subject: z.array(z.object({ digest: z.record(z.string(), z.string()) })).min(1),
});

/** Why a statement does not vouch for the artifact; null when it does. */
export function findStatementFault(payload: Uint8Array, artifactSha256Hex: string): string | null {
  const statement = Statement.safeParse(parseJson(payload));
  if (!statement.success) return "the signed payload is no in-toto statement";
  const isAbout = statement.data.subject.some(({ digest }) => digest.sha256 === artifactSha256Hex);
  return isAbout ? null : "the signed statement is about other artifacts";
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(bytes));
  } catch {
    return undefined;
  }
}
