/**
 * `metrics check`: a row for each query.
 *
 *     QUERY     SERIES  DROPPED  POINTS/DAY   BYTES/DAY  TIME    NOTES
 *     requests  1,200   0        6,912,000    9.4 MB     31 ms
 *     wide      1,000   200      5,760,000    8.1 MB     1.2 s   over the cap: 200 of 1,200 series beyond …
 *     broken    –       –        –            –          –       rejected: bad_data: 1:5: parse error: …
 *     TOTAL     2,200   200      12,672,000   17.5 MB
 *
 * SERIES and DROPPED are of the window that had most; TIME is what Prometheus took for one window.
 */
import { checkMetrics, type MetricsCheck, type QueryCheck } from "../agent/check_metrics.ts";
import type { Surroundings } from "../agent/foundation.ts";
import { type CliIo, type ExitCode, UsageError } from "./io.ts";
import { type Format, formatTable, printable, printResult } from "./output.ts";
import { loadConfig } from "./run.ts";

export interface MetricsCheckOptions {
  readonly config: string;
  /** All when empty. */
  readonly names: readonly string[];
  readonly windows: number;
  readonly node?: string;
  readonly output: Format;
}

const HEADINGS = ["QUERY", "SERIES", "DROPPED", "POINTS/DAY", "BYTES/DAY", "TIME", "NOTES"];
const NONE = "–";

/** Throws StalledError `config_invalid`, and whatever keeps Prometheus from being asked at all. */
export async function runMetricsCheck(
  { config: path, names, windows, node, output }: MetricsCheckOptions,
  surroundings: Surroundings,
  io: CliIo,
): Promise<ExitCode> {
  const config = await loadConfig(path, surroundings);
  const known = config.signals.queries.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`${path} has no query ${unknown}`);
  if (known.length === 0) {
    io.printError(`${path} has no query: see signals.queries and signals.presets`);
    return 1;
  }
  const checked = await checkMetrics(config, surroundings, { names, windows, node });
  printResult(io, output, checked, () => describe(checked));
  return checked.ok ? 0 : 1;
}

function describe({ queries, total, notes }: MetricsCheck): string[] {
  return [
    ...formatTable(HEADINGS, [
      ...queries.map(row),
      ["TOTAL", ...amounts(total), "", ""],
    ]).map((line) => line.trimEnd()),
    ...notes.map((note) => printable(`Note: ${note}`)),
  ];
}

function row(query: QueryCheck): string[] {
  const { name, secondsPerWindow, notes } = query;
  const time = secondsPerWindow === null ? NONE : formatSeconds(secondsPerWindow);
  return [name, ...amounts(query), time, notes.join("; ")];
}

function amounts(of: MetricsCheck["total"] | QueryCheck): string[] {
  const { series, dropped, pointsPerDay, bytesPerDay } = of;
  if (series === null) return [NONE, NONE, NONE, NONE];
  return [series, dropped!, pointsPerDay!].map(formatCount).concat(formatBytes(bytesPerDay!));
}

function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** Decimal units, as networks and bills have them. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

function formatSeconds(seconds: number): string {
  return seconds < 0.9995 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
}
