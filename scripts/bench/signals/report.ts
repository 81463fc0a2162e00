/** The figures as Markdown, to be pasted into docs/metrics.md. Pure. */
import type { Cost, Live } from "./live.ts";
import type { WindowCost } from "./windows.ts";

/** Of issue 6: ours against the margin of remote write over scraping alone, in the same run. */
export const TARGETS = {
  cpu: 1 / 4,
  cpuWithQueries: 1 / 2,
  bytes: 1 / 15,
  peakMiB: 120,
  growth: 1.25,
};

export interface Report {
  /** ISO 8601. */
  readonly at: string;
  readonly machine: { readonly cores: number; readonly platform: string; readonly deno: string };
  readonly commit: string | null;
  readonly versions: Readonly<Record<string, string>>;
  readonly live: Live | null;
  readonly windows: readonly WindowCost[];
  /** What could not be measured, and why. */
  readonly left: readonly string[];
}

const TITLES: Readonly<Record<string, string>> = {
  "scraping": "Prometheus, scraping only (1)",
  "queried": "the same, answering our queries",
  "remote-write": "Prometheus with remote write (2)",
  "agent-mode": "Prometheus in agent mode",
  "vmagent": "vmagent",
  "signals": "connector → /signals",
  "remote": "connector → remote write 1.0",
  "idle": "connector that streams nothing",
};

export function formatReport(report: Report): string {
  const { at, machine, versions, commit, live, windows } = report;
  const { cores, platform, deno } = machine;
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${at}, commit ${commit ?? "(not committed)"}, ${cores} cores, ${platform}, Deno ${deno}, ${
      programs.join(", ")
    }`,
    ...(live ? [senderTable(live), ratioTable(live), NOT_ALIKE] : []),
    ...(windows.length > 0 ? [windowTable(windows)] : []),
    ...report.left.map((reason) => `Left out: ${reason}.`),
  ].join("\n\n");
}

const NOT_ALIKE =
  "Not like for like: the others send samples as they were scraped; the connector sends points that Prometheus " +
  "evaluated at a step, here as long as the interval of scraping, so that there are as many. Their bytes hold each " +
  "series' labels with every sample, the connector's once in a window. The others send in the clear; the connector's " +
  "bytes to /signals go over TLS, which its processor time includes. Remote write's margin is what its Prometheus does beyond one that only scrapes; what the connector does beyond an idle one stands beside the whole process, for sites that run it anyway. Bytes are bodies, without headers.";

/** CPU seconds for a million samples. */
export function perMillion(cpuMs: number, samples: number): number {
  return cpuMs / 1000 / (samples / 1e6);
}

export interface Ratios {
  readonly name: string;
  /** Of the whole process. */
  readonly cpu: number;
  /** Of what it does beyond an agent that streams nothing. */
  readonly cpuBeyondIdle: number;
  readonly cpuWithQueries: number;
  readonly bytes: number;
}

/** Each agent against remote write's margin. The queries' cost is shared out by points. */
export function ratiosOf(live: Live): Ratios[] {
  const margin = marginOf(live);
  const queries = queriesOf(live);
  const theirs = bytesPerSample(live.remoteWrite);
  return live.ours.map((cost) => {
    const cpu = perMillion(cost.cpuMs, cost.samples);
    return {
      name: cost.name,
      cpu: cpu / margin,
      cpuBeyondIdle: perMillion(cost.cpuMs - live.idle.cpuMs, cost.samples) / margin,
      cpuWithQueries: (cpu + queries) / margin,
      bytes: bytesPerSample(cost) / theirs,
    };
  });
}

/** Of remote write over scraping alone, CPU seconds for a million samples. */
function marginOf({ remoteWrite, scraping }: Live): number {
  return perMillion(remoteWrite.cpuMs, remoteWrite.samples) -
    perMillion(scraping.cpuMs, scraping.samples);
}

/** What a million points cost the Prometheus that is asked, CPU seconds. */
function queriesOf({ queried, scraping, ours }: Live): number {
  const points = ours.reduce((sum, { samples }) => sum + samples, 0);
  return perMillion(queried.cpuMs - scraping.cpuMs, points);
}

function bytesPerSample({ sent, samples }: Cost): number {
  return (sent?.bytes ?? NaN) / samples;
}

function senderTable(live: Live): string {
  const { seconds, stepSeconds, windowSeconds, ours } = live;
  const all = [
    live.scraping,
    live.queried,
    live.remoteWrite,
    live.agentMode,
    live.vmagent,
    ...ours,
    live.idle,
  ];
  const row = (cost: Cost) => {
    const { name, samples, cpuMs, peakMiB, sent } = cost;
    return [
      TITLES[name] ?? name,
      samples > 0 ? number(samples) : "",
      (cpuMs / 1000).toFixed(2),
      samples > 0 ? perMillion(cpuMs, samples).toFixed(2) : "",
      peakMiB.toFixed(0),
      sent ? bytesPerSample(cost).toFixed(2) : "",
      sent ? number(samples / sent.requests) : "",
    ];
  };
  return table(
    [
      `${
        seconds.toFixed(0)
      } s; scraped and asked each ${stepSeconds} s, windows of ${windowSeconds} s`,
      "samples",
      "CPU s",
      "CPU s per million",
      "peak RSS, MiB",
      "bytes per sample",
      "samples per request",
    ],
    [
      ...all.map(row),
      ["remote write's margin: (2) − (1)", "", "", marginOf(live).toFixed(2), "", "", ""],
      ["our queries, in Prometheus", "", "", queriesOf(live).toFixed(2), "", "", ""],
    ],
  );
}

function ratioTable(live: Live): string {
  return table(
    [
      "against (2) − (1)",
      "CPU, whole process (≤ 1/4)",
      "beyond an idle connector",
      "whole process and queries (≤ 1/2)",
      "bytes per sample (≤ 1/15)",
    ],
    ratiosOf(live).map(({ name, cpu, cpuBeyondIdle, cpuWithQueries, bytes }) => [
      TITLES[name] ?? name,
      share(cpu, TARGETS.cpu),
      share(cpuBeyondIdle, Infinity),
      share(cpuWithQueries, TARGETS.cpuWithQueries),
      share(bytes, TARGETS.bytes),
    ]),
  );
}

function windowTable(windows: readonly WindowCost[]): string {
  const floorMs = windows.find(({ samples }) => samples === 0)?.cpuMs ?? 0;
  return table(
    [
      "samples an hour, one window",
      "from",
      "sent",
      `peak RSS, MiB (≤ ${TARGETS.peakMiB})`,
      "CPU s, start included",
      "per million, without the start",
      "bytes per sample",
      "requests",
      "took",
    ],
    windows.map((cost) => [
      number(cost.samplesPerHour),
      cost.source,
      number(cost.samples),
      `${cost.peakMiB.toFixed(0)}${cost.peakMiB <= TARGETS.peakMiB ? "" : " **missed**"}`,
      (cost.cpuMs / 1000).toFixed(2),
      cost.samples > 0 ? perMillion(cost.cpuMs - floorMs, cost.samples).toFixed(2) : "",
      cost.samples > 0 ? (cost.bytes / cost.samples).toFixed(2) : "",
      number(cost.requests),
      `${cost.seconds.toFixed(1)} s`,
    ]),
  );
}

function share(value: number, limit: number): string {
  const part = value > 0 ? `1/${(1 / value).toFixed(1)}` : value.toFixed(2);
  return `${part}${value <= limit ? "" : " **missed**"}`;
}

function number(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = line(head.map((_, column) => column === 0 ? "---" : "--:"));
  return [line(head), rule, ...rows.map(line)].join("\n");
}
