/** `metrics check`: every query's dry run, with nothing sent but the queries themselves. */
import { PrometheusSource } from "../adapters/prometheus.ts";
import { readScrapePools, type ScrapePool } from "../adapters/prometheus_targets.ts";
import type { Config } from "../config/schema.ts";
import { formatDuration } from "../core/duration.ts";
import { type DailyCost, noCost } from "../core/signals/daily_cost.ts";
import { SignalsPacker } from "../core/signals/pack/signals_packer.ts";
import { createLabelHash } from "../core/signals/selection/label_hash.ts";
import { queryOfNode } from "../core/signals/selection/selected_query.ts";
import { NO_SERIES } from "../core/signals/series_handler.ts";
import { StalledError } from "../errors.ts";
import { SecretMask } from "../log.ts";
import { dryRun, type DryRunPorts } from "../loops/signals_dry_run.ts";
import type { Surroundings } from "./foundation.ts";
import { readHashKey } from "./label_hash.ts";
import { openPrometheus } from "./prometheus_peer.ts";

export interface CheckOptions {
  /** All when empty. */
  readonly names: readonly string[];
  readonly windows: number;
  readonly node: string | undefined;
}

export interface QueryCheck extends DailyCost {
  readonly name: string;
  readonly expr: string;
}

export interface MetricsCheck {
  readonly queries: readonly QueryCheck[];
  readonly total: Pick<DailyCost, "series" | "dropped" | "pointsPerDay" | "bytesPerDay">;
  /** Of all queries together. */
  readonly notes: readonly string[];
  readonly ok: boolean;
}

const HASH_KEY_BYTES = 32;
const DAY_MS = 86_400_000;
const LONG_WINDOW_MS = 600_000;
const FEW_POINTS = 100;

/** Throws StalledError, or TransientError when Prometheus is away. */
export async function checkMetrics(
  config: Config,
  { runtime }: Pick<Surroundings, "runtime">,
  { names, windows, node = config.nodeName }: CheckOptions,
): Promise<MetricsCheck> {
  const { prometheus, signals } = config;
  if (!prometheus) {
    throw new StalledError("config_invalid", "There is no prometheus in the configuration");
  }
  const { clock, files } = runtime;
  const mask = new SecretMask();
  const peer = await openPrometheus(runtime, prometheus, mask);
  const { signal } = new AbortController();
  try {
    const source = new PrometheusSource(peer, files, prometheus, mask, runtime.random);
    const queries = signals.queries.filter(({ name }) =>
      names.length === 0 || names.includes(name)
    );
    const untilMs = await sourceTime(source, clock.now(), signal) - signals.settle;
    const ports: DryRunPorts = {
      source,
      clock,
      pack: (window) => new SignalsPacker(window, "zstd"),
      context: {
        maxSeries: signals.maxSeries,
        // Any key gives as many bytes as the agent's own, which this command cannot read.
        hashLabel: await createLabelHash(
          await readHashKey(signals, files) ?? runtime.random.bytes(HASH_KEY_BYTES),
        ),
      },
    };
    const checked: QueryCheck[] = [];
    for (const query of queries) {
      const span = { windows, windowMs: signals.window, untilMs };
      const found = query.scope !== "node"
        ? await dryRun(query, span, ports, signal)
        : node === undefined
        ? noCost("not asked: name a node with --node", true)
        : await dryRun(queryOfNode(query, node), span, ports, signal);
      checked.push({ name: query.name, expr: query.expr, ...found });
    }
    const pools = await readScrapePools(peer, await source.authorization());
    return {
      queries: checked,
      total: addUp(checked),
      notes: [
        ...settleNotes(signals.settle, pools ?? []),
        ...windowNotes(signals.window, checked),
      ],
      ok: checked.every(({ ok }) => ok),
    };
  } finally {
    peer.close();
  }
}

/** What neither clock has yet cannot be asked for. Throws whatever keeps the source from answering at all. */
async function sourceTime(
  source: PrometheusSource,
  nowMs: number,
  signal: AbortSignal,
): Promise<number> {
  const ms = Math.floor(nowMs / 1000) * 1000;
  const query = { expr: "vector(1)", window: { startMs: ms, endMs: ms, stepMs: 1000 } };
  const answer = await source.queryRange(query, NO_SERIES, signal);
  return answer.kind === "series" ? Math.min(nowMs, answer.sourceTimeMs ?? nowMs) : nowMs;
}

function addUp(checked: readonly QueryCheck[]): MetricsCheck["total"] {
  const sum = (of: "series" | "dropped" | "pointsPerDay" | "bytesPerDay") =>
    checked.reduce((sum, query) => sum + (query[of] ?? 0), 0);
  return {
    series: sum("series"),
    dropped: sum("dropped"),
    pointsPerDay: sum("pointsPerDay"),
    bytesPerDay: sum("bytesPerDay"),
  };
}

function settleNotes(settleMs: number, pools: readonly ScrapePool[]): string[] {
  const slow = pools.filter(({ intervalMs }) => settleMs < 2 * intervalMs);
  if (slow.length === 0) return [];
  const { name, intervalMs } = slow[0]!;
  const others = slow.length > 1 ? ` and ${slow.length - 1} more` : "";
  return [
    `signals.settle (${formatDuration(settleMs)}) is shorter than two scrapes of ` +
    `${name}${others} (${formatDuration(intervalMs)} each): what is scraped late may be ` +
    `missed; set it to ${formatDuration(2 * intervalMs)}`,
  ];
}

/** What a window costs besides its points is then most of it. */
function windowNotes(windowMs: number, checked: readonly QueryCheck[]): string[] {
  const answered = checked.filter(({ series }) => series !== null);
  const points = answered.reduce((sum, { pointsPerDay }) => sum + pointsPerDay!, 0);
  const perWindow = points * windowMs / DAY_MS / answered.length;
  if (answered.length === 0 || windowMs >= LONG_WINDOW_MS || perWindow >= FEW_POINTS) return [];
  return [
    `windows hold ${Math.round(perWindow)} points on the average: a longer signals.window ` +
    `(${formatDuration(windowMs)}) sends the same in fewer bytes and queries`,
  ];
}
