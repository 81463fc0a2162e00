/** The kinds of text that the configuration's keys hold. `form` is the word for each in the documents. */
import * as z from "zod";
import { parseDuration } from "../core/duration.ts";

const DURATION = "a duration such as 250ms, 30s, 5m, 24h or 7d";

/** Text such as `30s` in the file, milliseconds in the program. */
export function duration(defaultText: string, minimum: string, maximum: string) {
  return z.string().default(defaultText).transform((text, context) => {
    const ms = parseDuration(text);
    if (ms === null || ms < parseDuration(minimum)! || ms > parseDuration(maximum)!) {
      context.addIssue({
        code: "custom",
        message: `must be ${DURATION}, from ${minimum} to ${maximum}`,
      });
      return z.NEVER;
    }
    return ms;
  }).meta({ form: `duration, ${minimum} to ${maximum}` });
}

/** The pattern keeps out what no peer's address may have; the parser, ports and hosts that do not exist. */
export function url(pattern: RegExp, message: string) {
  return z.string().regex(pattern, { message, abort: true })
    .refine((text) => URL.canParse(text), message);
}

export const path = z.string().min(1).regex(/^(\/|\.\/)/, "must be a path that begins with / or ./")
  .meta({ form: "path" });
export const httpsUrl = url(
  /^https:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/,
  "must be an https:// URL without credentials or query; plain HTTP is refused",
).meta({ form: "https URL" });
export const name = z.string().regex(
  /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/,
  "must be a DNS label, such as edge-1",
).meta({ form: "DNS label" });
export const nodeName = z.string().regex(
  /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/,
  "must be a node's name, such as worker-1.example.com",
).meta({ form: "node name" });
export const proxy = url(/^https?:\/\/[^/?#@\s]+$/, "must be http://host:port").optional()
  .describe("HTTP proxy for this peer").meta({ form: "http URL" });
export const caFile = path.optional().describe(
  "PEM file with the CA that signs this peer's certificate",
);
/** Base of both an API that is read and one that is written, where plain HTTP can be allowed. */
export const httpUrl = url(
  /^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/,
  "must be an http(s):// URL",
);
export const bearerTokenFile = path.optional().describe(
  "file with a bearer token, read anew for each call",
);
export const basicAuth = z.strictObject({
  username: z.string().min(1).describe("user name"),
  passwordFile: path.describe("file with the password"),
}).optional().describe("HTTP basic authentication");
