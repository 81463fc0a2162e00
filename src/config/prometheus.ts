/** How the connector reaches the Prometheus whose metrics it streams. */
import * as z from "zod";
import { basicAuth, bearerTokenFile, caFile, duration, httpUrl } from "./fields.ts";

export const Prometheus = z.strictObject({
  url: httpUrl.describe("base URL of the Prometheus API").meta({ form: "URL" }),
  allowPlainHttp: z.boolean().default(false).describe("must be true for an http:// URL"),
  caFile,
  bearerTokenFile,
  basicAuth,
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
