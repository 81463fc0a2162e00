/** The chart's alerts on the real promtool: they are rules, and fire when they should and only then. */
import assert from "node:assert/strict";
import { stringify } from "yaml";
import { goldenObjects, only } from "../fakes/chart_objects.ts";
import { withFile } from "./chart.ts";
import { programOf, realTest } from "./peers.ts";
import { runToEnd } from "./process.ts";

interface AlertRule {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const { spec } = only(await goldenObjects("daemonset"), "PrometheusRule");
const rules: readonly AlertRule[] = spec.groups[0].rules;

const series = (name: string, labels: Record<string, string>, values: string) => ({
  series: `neuralops_connector_${name}${
    JSON.stringify({ namespace: "neuralops", ...labels }).replaceAll(/"(\w+)":/g, "$1=")
  }`,
  values,
});

/** @param alerts labels of each that fires then */
function expectAt(
  time: string,
  name: string,
  alerts: readonly Record<string, string>[],
  value = "",
) {
  const rule = rules.find(({ alert }) => alert === `NeuralopsConnector${name}`)!;
  return {
    eval_time: time,
    alertname: rule.alert,
    exp_alerts: alerts.map((labels) => ({
      exp_labels: { ...rule.labels, ...labels },
      exp_annotations: Object.fromEntries(
        Object.entries(rule.annotations).map(([key, text]) => [
          key,
          text.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, label) => labels[label]!)
            .replaceAll(/\{\{ \$value[^}]*\}\}/g, value),
        ]),
      ),
    })),
  };
}

const of = (pod: string) => ({ namespace: "neuralops", pod });
const STORIES = [
  {
    name: "nobody leads, and one takes over",
    input_series: [
      series("leader", { pod: "a" }, "0x10 1x20"),
      series("leader", { pod: "b" }, "0x30"),
      series("build_info", { pod: "a" }, "1x30"),
    ],
    alert_rule_test: [
      expectAt("4m", "NobodyLeads", []),
      expectAt("8m", "NobodyLeads", [{}]),
      expectAt("15m", "NobodyLeads", []),
      expectAt("20m", "TwoLead", []),
      expectAt("20m", "Absent", []),
    ],
  },
  {
    name: "two lead at once",
    input_series: [series("leader", { pod: "a" }, "1x10"), series("leader", { pod: "b" }, "1x10")],
    alert_rule_test: [
      expectAt("1m", "TwoLead", []),
      expectAt("5m", "TwoLead", [{}], "2"),
    ],
  },
  {
    name: "nothing is scraped",
    input_series: [],
    alert_rule_test: [expectAt("15m", "Absent", [{ namespace: "neuralops" }])],
  },
  {
    name: "parts that are not ok: of the leader, of a standby, the audit log of any",
    input_series: [
      series("leader", { pod: "a" }, "1x30"),
      series("leader", { pod: "b" }, "0x30"),
      series("part_up", { pod: "a", part: "heartbeat" }, "0x30"),
      series("part_up", { pod: "b", part: "heartbeat" }, "0x30"),
      series("part_up", { pod: "b", part: "audit" }, "0x30"),
    ],
    alert_rule_test: [
      expectAt("10m", "PartDown", []),
      expectAt("20m", "PartDown", [{ ...of("a"), part: "heartbeat" }]),
      expectAt("5m", "AuditLog", [{ ...of("b"), part: "audit" }]),
    ],
  },
  {
    name: "parts of nodes, whoever leads",
    input_series: [
      series("leader", { pod: "a" }, "1x30"),
      series("leader", { pod: "b" }, "0x30"),
      ...["a", "b"].map((pod) => series("part_up", { pod, part: "node-signals" }, "0x30")),
      series("part_up", { pod: "b", part: "node-heartbeat" }, "1x30"),
    ],
    alert_rule_test: [
      expectAt("10m", "NodePartDown", []),
      expectAt("20m", "NodePartDown", [{ part: "node-signals" }], "2"),
      expectAt("20m", "PartDown", []),
    ],
  },
  {
    name: "packages are refused, executions end badly",
    input_series: [
      series("refusals_total", { pod: "a", code: "bad_signature" }, "0 1x20"),
      series("refusals_total", { pod: "a", code: "expired" }, "0 1x20"),
      series("executions_total", { pod: "a", state: "succeeded" }, "0 5x20"),
      series("executions_total", { pod: "a", state: "rolled_back" }, "0 1x20"),
      series("executions_total", { pod: "a", state: "rollback_failed" }, "0 1x20"),
    ],
    alert_rule_test: [
      expectAt("5m", "BadSignature", [{ code: "bad_signature" }]),
      expectAt("5m", "Refusals", [{ code: "expired" }]),
      expectAt("5m", "ExecutionFailed", [{ state: "rolled_back" }]),
      expectAt("5m", "RollbackFailed", [{}]),
      expectAt("20m", "BadSignature", []),
    ],
  },
  {
    name: "the very first of a counter",
    input_series: [
      series("refusals_total", { pod: "a", code: "bad_signature" }, "_x5 1x40"),
      series("executions_total", { pod: "a", state: "rollback_failed" }, "_x5 1x40"),
      series("signal_gap_seconds_total", { pod: "a", query: "up", reason: "absent" }, "_x5 60x99"),
    ],
    alert_rule_test: [
      expectAt("4m", "BadSignature", []),
      expectAt("6m", "BadSignature", [{ code: "bad_signature" }]),
      expectAt("6m", "RollbackFailed", [{}]),
      expectAt("6m", "SignalsGap", [{ query: "up", reason: "absent" }], "1m 0s"),
      expectAt("40m", "BadSignature", []),
      expectAt("40m", "RollbackFailed", []),
      expectAt("80m", "SignalsGap", []),
    ],
  },
  {
    name: "heartbeats that all fail, and some that do",
    input_series: [
      series("heartbeats_total", { pod: "a", result: "failed" }, "0+1x30"),
      series("heartbeats_total", { pod: "a", result: "succeeded" }, "9x30"),
      series("heartbeats_total", { pod: "b", result: "failed" }, "0+1x30"),
      series("heartbeats_total", { pod: "b", result: "succeeded" }, "0+1x30"),
    ],
    alert_rule_test: [expectAt("25m", "Heartbeat", [{ ...of("a"), result: "failed" }])],
  },
  {
    name: "a query falls behind, on the leader and on one that was",
    input_series: [
      series("leader", { pod: "a" }, "1x60"),
      series("leader", { pod: "b" }, "0x60"),
      ...["a", "b"].flatMap((pod) => [
        series("signal_newest_timestamp_seconds", { pod, query: "up" }, "0x60"),
        series("signal_newest_timestamp_seconds", { pod, query: "fresh" }, "0+60x60"),
        series("signal_acknowledged_timestamp_seconds", { pod, query: "fresh" }, "0x60"),
      ]),
    ],
    alert_rule_test: [
      expectAt("14m", "SignalsLag", []),
      expectAt("30m", "SignalsLag", [{ ...of("a"), query: "up" }], "30m 0s"),
    ],
  },
  {
    name: "history that becomes less, that does not, and that waits with everything else",
    input_series: [
      series("leader", { pod: "a" }, "1x200"),
      series("leader", { pod: "b" }, "0x200"),
      ...["a", "b"].flatMap((pod) => [
        ...["stuck", "slow", "none"].map((query) =>
          series("signal_newest_timestamp_seconds", { pod, query }, "0+60x200")
        ),
        series("signal_newest_timestamp_seconds", { pod, query: "down" }, "0x200"),
        series("signal_backfill_pending_seconds", { pod, query: "stuck" }, "0x9 7200x190"),
        series("signal_backfill_pending_seconds", { pod, query: "slow" }, "86400-120x200"),
        series("signal_backfill_pending_seconds", { pod, query: "none" }, "0x200"),
        series("signal_backfill_pending_seconds", { pod, query: "down" }, "0+60x200"),
      ]),
    ],
    alert_rule_test: [
      expectAt("125m", "SignalsBackfill", []),
      expectAt("140m", "SignalsBackfill", [{ ...of("a"), query: "stuck" }], "2h 0m 0s"),
      expectAt("140m", "SignalsLag", [{ ...of("a"), query: "down" }], "2h 20m 0s"),
    ],
  },
];

realTest("the chart's alerts fire when they should, and only then", ["promtool"], async () => {
  const promtool = (...args: string[]) => runToEnd(programOf("promtool"), { args });
  await withFile("rules.yaml", stringify(spec), async (path) => {
    const checked = await promtool("check", "rules", path);
    assert.equal(checked.code, 0, checked.stderr);
    const story = path.replace(/rules\.yaml$/, "tests.yaml");
    const tests = STORIES.map((one) => ({ interval: "1m", ...one }));
    await Deno.writeTextFile(story, stringify({ rule_files: ["rules.yaml"], tests }));
    const tested = await promtool("test", "rules", story);
    assert.equal(tested.code, 0, tested.stdout + tested.stderr);
  });
});
