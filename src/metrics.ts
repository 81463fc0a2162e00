/**
 * The connector's own metrics, in the Prometheus exposition format. The only importer of prom-client, and
 * of the parts of it that are used: its whole also loads HTTP, cluster and performance hooks.
 */
import type * as prometheus from "prom-client";
import CounterClass from "prom-client/lib/counter.js";
import GaugeClass from "prom-client/lib/gauge.js";
import HistogramClass from "prom-client/lib/histogram.js";
import RegistryClass from "prom-client/lib/registry.js";

const Counter: typeof prometheus.Counter = CounterClass;
const Gauge: typeof prometheus.Gauge = GaugeClass;
const Histogram: typeof prometheus.Histogram = HistogramClass;
const Registry: typeof prometheus.Registry = RegistryClass;

export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `neuralops_connector_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `neuralops_connector_${name}`, help, labelNames, registers });
  return {
    text: () => registry.metrics(),
    contentType: registry.contentType,
    buildInfo: gauge("build_info", "1, with the version as label.", ["version", "deno"]),
    partUp: gauge("part_up", "1 while a part is ok, else 0.", ["part"]),
    isLeader: gauge("leader", "1 while this process may act on the cluster."),
    registrations: counter("registrations_total", "Registrations, by result.", ["result"]),
    vaultLogins: counter("vault_logins_total", "Logins to Vault and token renewals.", ["kind"]),
    heartbeats: counter("heartbeats_total", "Heartbeats, by result.", ["result"]),
    nodeRegistrations: counter("node_registrations_total", "A node's registrations, by result.", [
      "result",
    ]),
    nodeHeartbeats: counter("node_heartbeats_total", "A node's heartbeats, by result.", ["result"]),
    signalPoints: counter("signal_points_total", "Points acknowledged by the receiver.", [
      "query",
    ]),
    signalBytes: counter("signal_sent_bytes_total", "Compressed bytes of acknowledged batches.", [
      "query",
    ]),
    signalBatches: counter("signal_batches_total", "Batches, by result.", ["query", "result"]),
    signalGapSeconds: counter("signal_gap_seconds_total", "Time that went to the gap ledger.", [
      "query",
      "reason",
    ]),
    signalSeriesDropped: counter(
      "signal_series_dropped_total",
      "Series left out of a window, by reason; each is in the gap ledger too.",
      ["query", "reason"],
    ),
    signalAcknowledged: gauge(
      "signal_acknowledged_timestamp_seconds",
      "Time up to which a query has been acknowledged.",
      ["query"],
    ),
    signalNewest: gauge(
      "signal_newest_timestamp_seconds",
      "Newest time of a query that has been acknowledged, whatever is missing before it.",
      ["query"],
    ),
    signalPending: gauge(
      "signal_backfill_pending_seconds",
      "History of a query that is still to be sent.",
      ["query"],
    ),
    signalBackfilled: counter(
      "signal_backfilled_seconds_total",
      "History of a query that was made good.",
      ["query"],
    ),
    signalRereads: counter(
      "signal_rereads_total",
      "Windows that were asked for once more, by what came of it.",
      ["query", "result"],
    ),
    commands: counter("commands_total", "Commands received, by transport.", ["transport"]),
    executions: counter("executions_total", "Executions, by the state they reached.", ["state"]),
    refusals: counter("refusals_total", "Refused work packages, by code.", ["code"]),
    receipts: counter("receipts_total", "Receipts, by delivery result.", ["result"]),
    auditRecords: counter("audit_records_total", "Durable audit records."),
    auditAppendSeconds: new Histogram({
      name: "neuralops_connector_audit_append_seconds",
      help: "From asking for a record to having it on the disk.",
      buckets: [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
      registers,
    }),
    auditUploads: counter("audit_uploads_total", "Audit segments uploaded, by result.", ["result"]),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
