/** Which metrics are streamed, and how. */
import * as z from "zod";
import { PRESET_NAMES, queriesOf } from "../core/signals/presets/presets.ts";
import { METRIC_NAME } from "../core/signals/selection/label_rules.ts";
import { findNode, isSelector } from "../core/signals/selection/promql_text.ts";
import { joinSelectors, type SelectedQuery } from "../core/signals/selection/selected_query.ts";
import { duration, name, path } from "./fields.ts";

const MAX_QUERIES = 200;
const MAX_TEXT = 10_000;

const LabelName = z.string().min(1).max(1000).refine(
  (text) => text !== METRIC_NAME,
  `must not be ${METRIC_NAME}: a metric keeps its name`,
);
const labelNames = z.array(LabelName).max(100).default([]);
const maxSeries = z.int().min(1).max(10_000_000);

const Query = z.strictObject({
  name: name.describe("unique; cursor and gaps are kept under it"),
  expr: z.string().min(1).max(MAX_TEXT).optional().describe("PromQL; or else match"),
  match: z.array(
    z.string().max(MAX_TEXT).refine(
      isSelector,
      'must be a series selector, such as up{job="api"}, that selects by something',
    ),
  ).min(1).max(50).optional().describe("series selectors, of which the union is streamed"),
  step: duration("15s", "100ms", "1h").describe("distance between points"),
  scope: z.enum(["cluster", "node"]).default("cluster").describe(
    "node: each node asks for itself, with its name for `$node` in the query's strings",
  ),
  labels: z.strictObject({
    drop: labelNames.describe("labels that are not sent"),
    keep: labelNames.describe("when given, the only ones that are, besides the metric's name"),
    hash: labelNames.describe("labels whose values are sent as a keyed hash"),
  }).optional().describe("what of the labels leaves the cluster"),
  maxSeries: maxSeries.optional().describe("over signals.maxSeries"),
}).superRefine((query, context) => {
  const { expr, match, scope } = query;
  if ((expr === undefined) === (match === undefined)) {
    context.addIssue({ code: "custom", message: "needs exactly one of expr and match" });
    return;
  }
  const found = (match ?? [expr!]).map(findNode);
  const fault = faultOfNode(scope, found);
  if (fault) context.addIssue({ code: "custom", path: [match ? "match" : "expr"], message: fault });
});

export const Signals = z.strictObject({
  sink: z.enum(["neuralops", "remoteWrite"]).default("neuralops").describe(
    "where batches go: to the control plane, or to remoteWrite",
  ),
  presets: z.array(z.enum(PRESET_NAMES)).max(PRESET_NAMES.length).default([]).describe(
    "queries that come with the connector; one in queries with the name of one of them replaces it",
  ),
  queries: z.array(Query).max(MAX_QUERIES).default([]).describe(
    "without one, and without presets, nothing is streamed",
  ),
  window: duration("2m", "100ms", "1d").describe(
    "span of one batch; at most 10,000 steps. Longer ones are cheaper, shorter ones fresher",
  ),
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
  backfillSpeed: z.number().min(2).max(10_000).default(30).describe(
    "how many times faster than real time each query's history is asked for",
  ),
  startFrom: duration("5m", "0s", "30d").describe("how far back the very first window begins"),
  maxSeries: maxSeries.default(100_000).describe(
    "per query; what is beyond is left out, counted, and recorded as a gap",
  ),
  hashKeyFile: path.optional().describe(
    "file with the key for labels.hash, 16 bytes or more; by default it is made of the connector's own key",
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
).transform(({ presets, queries, ...rest }) => ({
  ...rest,
  queries: [
    ...[...new Set(presets)].flatMap(queriesOf)
      .filter((preset) => !queries.some((own) => own.name === preset.name)),
    ...queries.map(({ expr, match, ...query }): SelectedQuery => ({
      ...query,
      expr: expr ?? joinSelectors(match!),
      ...(match ? { match } : {}),
    })),
  ],
})).describe("what is streamed to the Insight Engine");

function faultOfNode(
  scope: "cluster" | "node",
  found: readonly ReturnType<typeof findNode>[],
): string | null {
  if (found.includes("elsewhere")) return 'has $node outside of a string: write node="$node"';
  if (scope === "cluster" && found.includes("strings")) {
    return "has $node, which is filled in with scope: node only";
  }
  if (scope === "node" && found.includes("nowhere")) {
    return "has no $node: without it each node would send the same series";
  }
  return null;
}
