/** What standbys cost, for people and for machines. Pure. */
import type { Load } from "./api_server_load.ts";
import type { LeaseCalls } from "./counted_lease.ts";
import { columns } from "./report.ts";

/** Requests per second in all, whatever is asked. */
export const LIMIT = 10;

/** A stretch of time in which nothing happens but renewals. */
export interface Stretch {
  readonly standbys: number;
  readonly seconds: number;
  /** The server's own counts of requests for Leases per second, by verb. */
  readonly perSecond: Readonly<Record<string, number>>;
  readonly watches: number;
  /** Of one core. */
  readonly cpuShare: number;
  readonly rssMiB: number;
}

export interface Takeover {
  /** How the leader went. */
  readonly how: string;
  /** Until another one leads. */
  readonly seconds: number;
  /** What all of them together asked for, until they all followed it. */
  readonly calls: LeaseCalls;
}

export interface StandbyReport {
  /** ISO 8601. */
  readonly at: string;
  readonly apiServer: string;
  readonly machine: { readonly cores: number; readonly deno: string };
  readonly stretches: readonly Stretch[];
  readonly takeovers: readonly Takeover[];
}

/** A watch is counted when it ends; in the long run as many begin. */
export function stretchOf(standbys: number, from: Load, to: Load): Stretch {
  const seconds = (to.atMs - from.atMs) / 1000;
  const perSecond: Record<string, number> = {};
  for (const [verb, count] of to.requests) {
    const more = count - (from.requests.get(verb) ?? 0);
    if (more > 0) perSecond[verb] = more / seconds;
  }
  return {
    standbys,
    seconds,
    perSecond,
    watches: to.watches,
    cpuShare: (to.cpuSeconds - from.cpuSeconds) / seconds,
    rssMiB: to.rssMiB,
  };
}

export function totalOf({ perSecond }: Stretch): number {
  return Object.values(perSecond).reduce((sum, rate) => sum + rate, 0);
}

export function formatStandbys(report: StandbyReport): string {
  const { at, apiServer, machine, stretches, takeovers } = report;
  const verbs = [...new Set(stretches.flatMap(({ perSecond }) => Object.keys(perSecond)))].sort();
  const most = totalOf(stretches.at(-1)!);
  return [
    `${at}, ${machine.cores} cores, Deno ${machine.deno}; ${apiServer} on loopback`,
    `Requests for Leases per second (limit ${LIMIT}: ${most <= LIMIT ? "held" : "NOT held"})`,
    columns([
      ["standbys", ...verbs, "in all", "watches open", "CPU of the API server", "its memory"],
      ...stretches.map((stretch) => [
        String(stretch.standbys),
        ...verbs.map((verb) => (stretch.perSecond[verb] ?? 0).toFixed(2)),
        totalOf(stretch).toFixed(2),
        String(stretch.watches),
        `${(stretch.cpuShare * 100).toFixed(1)} % of a core`,
        `${stretch.rssMiB.toFixed(0)} MiB`,
      ]),
    ]),
    "When the leader goes",
    columns([
      ["", "another leads after", "reads", "writes", "of them second", "new watches", "failures"],
      ...takeovers.map(({ how, seconds, calls }) => [
        how,
        `${seconds.toFixed(1)} s`,
        ...[calls.reads, calls.writes, calls.conflicts, calls.watches, calls.failures].map(String),
      ]),
    ]),
  ].join("\n\n");
}
