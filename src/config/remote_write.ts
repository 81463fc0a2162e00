/** A remote-write receiver that takes the metrics in the Insight Engine's place. */
import * as z from "zod";
import { basicAuth, bearerTokenFile, caFile, duration, httpUrl, path, proxy } from "./fields.ts";

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

export const RemoteWrite = z.strictObject({
  url: httpUrl.describe("where write requests are posted, such as https://mimir/api/v1/push")
    .meta({ form: "URL" }),
  allowPlainHttp: z.boolean().default(false).describe("must be true for an http:// URL"),
  caFile,
  clientCertFile: path.optional().describe("PEM client certificate, with clientKeyFile"),
  clientKeyFile: path.optional().describe("PEM private key of the client certificate"),
  proxy,
  bearerTokenFile,
  basicAuth,
  timeout: duration("30s", "1s", "5m").describe("for one call"),
  protocol: z.enum(["auto", "1.0", "2.0"]).default("auto").describe(
    "version of remote write; auto begins with 2.0 and falls back to 1.0 for good",
  ),
  maxSamplesPerSend: z.int().min(1).max(100_000).default(10_000).describe("of one request"),
  externalLabels: z.record(
    z.string().regex(LABEL_NAME, "must be a label's name, such as cluster"),
    z.string().min(1),
  ).default({}).describe("added to every series that has no such label"),
  outOfOrder: z.boolean().default(false).describe(
    "whether the receiver takes samples older than the newest of a series, as VictoriaMetrics does",
  ),
  nativeHistograms: z.boolean().default(false).describe(
    "whether the receiver takes native histograms; else they become gaps",
  ),
}).refine((value) => value.allowPlainHttp || value.url.startsWith("https://"), {
  path: ["url"],
  message: "is plain HTTP: use https://, or set remoteWrite.allowPlainHttp to true",
}).refine((value) => !(value.bearerTokenFile && value.basicAuth), {
  message: "needs at most one of bearerTokenFile and basicAuth",
}).refine((value) => Boolean(value.clientCertFile) === Boolean(value.clientKeyFile), {
  message: "needs clientCertFile and clientKeyFile together",
}).describe("where metrics are written when signals.sink is remoteWrite");
