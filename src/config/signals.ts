/** Which metrics are streamed, and how. */
import * as z from "zod";
import { duration, name } from "./fields.ts";

const Query = z.strictObject({
  name: name.describe("unique; cursor and gaps are kept under it"),
  expr: z.string().min(1).max(10_000).describe("PromQL"),
  step: duration("15s", "100ms", "1h").describe("distance between points"),
});

export const Signals = z.strictObject({
  queries: z.array(Query).max(200).default([]).describe("without one nothing is streamed"),
  window: duration("1m", "100ms", "1d").describe("span of one batch; at most 10,000 steps"),
  settle: duration("30s", "0s", "1h").describe(
    "how far behind now the newest point stays; at least two scrape intervals",
  ),
  reread: duration("0s", "0s", "1d").describe(
    "after so long each window is asked once more, and sent again if late samples changed it; " +
      "0s: never; else at least `settle`",
  ),
  backfill: duration("24h", "0s", "30d").describe(
    "how far back an outage is made good; what is older becomes a gap",
  ),
  backfillSpeed: z.number().min(2).max(1000).default(30).describe(
    "how many times faster than real time each query's history is asked for",
  ),
  startFrom: duration("5m", "0s", "30d").describe("how far back the very first window begins"),
  maxSeries: z.int().min(1).max(10_000_000).default(100_000).describe(
    "per query; above it the window becomes a gap",
  ),
}).refine(({ reread, settle }) => reread === 0 || reread >= settle, {
  path: ["reread"],
  message: "must be 0s, or at least signals.settle: before that nothing was sent",
}).refine(
  (value) => new Set(value.queries.map((query) => query.name)).size === value.queries.length,
  {
    path: ["queries"],
    message: "must not hold two queries of one name",
  },
).describe("what is streamed to the Insight Engine");
