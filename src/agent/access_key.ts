/** An S3 access key, as a file or Vault holds it. Its errors name fields, never values. */
import * as z from "zod";
import type { S3AccessKey } from "../adapters/s3.ts";
import { describeIssues } from "../core/schema_problem.ts";
import { StalledError } from "../errors.ts";

const AccessKey = z.object({
  accessKeyId: z.string().min(1),
  secretAccessKey: z.string().min(1),
  sessionToken: z.string().min(1).optional(),
});

/**
 * @param source where it was found, for the message
 * Throws StalledError `config_invalid`.
 */
export function parseAccessKey(found: unknown, source: string): S3AccessKey {
  const parsed = AccessKey.safeParse(found);
  if (!parsed.success) throw invalid(source, describeIssues(parsed.error, undefined).join("; "));
  const { sessionToken, ...rest } = parsed.data;
  return { ...rest, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

/** The same from JSON text. */
export function parseAccessKeyJson(text: string, source: string): S3AccessKey {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    // The cause is dropped: the parser's message quotes the file.
    throw invalid(source, "is not JSON");
  }
  return parseAccessKey(found, source);
}

function invalid(source: string, problem: string): StalledError {
  return new StalledError("config_invalid", `${source}: ${problem}`, {
    hint: "it must hold accessKeyId and secretAccessKey",
  });
}
