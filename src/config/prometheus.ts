/** How the connector reaches the Prometheus whose metrics it streams. */
import * as z from "zod";
import { caFile, duration, path, url } from "./fields.ts";

export const Prometheus = z.strictObject({
  url: url(/^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/, "must be an http(s):// URL")
    .describe("base URL of the Prometheus API").meta({ form: "URL" }),
  allowPlainHttp: z.boolean().default(false).describe("must be true for an http:// URL"),
  caFile,
  bearerTokenFile: path.optional().describe("file with a bearer token, read anew for each call"),
  basicAuth: z.strictObject({
    username: z.string().min(1).describe("user name"),
    passwordFile: path.describe("file with the password"),
  }).optional().describe("HTTP basic authentication"),
  timeout: duration("30s", "1s", "5m").describe("for one call"),
  maxResponseBytes: z.int().min(65_536).max(2 ** 32).default(2 ** 29)
    .describe("of one answer, unpacked; above it a window is halved"),
  compression: z.enum(["none", "gzip"]).default("none")
    .describe("of its answers; gzip saves traffic, and costs Prometheus twice the processor time"),
}).refine((value) => value.allowPlainHttp || value.url.startsWith("https://"), {
  path: ["url"],
  message: "is plain HTTP: use https://, or set prometheus.allowPlainHttp to true",
}).refine((value) => !(value.bearerTokenFile && value.basicAuth), {
  message: "needs at most one of bearerTokenFile and basicAuth",
}).describe("where metrics are read");
