/** How the connector reaches the Prometheus whose metrics it streams. */
import * as z from "zod";
import { basicAuth, bearerTokenFile, caFile, duration, httpUrl, path, proxy } from "./fields.ts";

export const Prometheus = z.strictObject({
  url: httpUrl.describe("base URL of the Prometheus API").meta({ form: "URL" }),
  allowPlainHttp: z.boolean().default(false).describe("must be true for an http:// URL"),
  caFile,
  clientCertFile: path.optional().describe(
    "PEM certificate chain that the connector shows, where the server asks for one; a renewed one is taken up",
  ),
  clientKeyFile: path.optional().describe("PEM private key of clientCertFile"),
  bearerTokenFile,
  basicAuth,
  proxy,
  proxyBasicAuth: basicAuth.describe("HTTP basic authentication towards the proxy"),
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
}).refine((value) => Boolean(value.clientCertFile) === Boolean(value.clientKeyFile), {
  message: "needs both of clientCertFile and clientKeyFile, or neither",
}).refine((value) => !value.clientCertFile || value.url.startsWith("https://"), {
  path: ["clientCertFile"],
  message: "is never shown to an http:// URL: use https://, or leave it out",
}).refine((value) => !value.proxyBasicAuth || value.proxy, {
  path: ["proxyBasicAuth"],
  message: "needs prometheus.proxy",
}).describe("where metrics are read");
