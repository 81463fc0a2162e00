/** From a few windows of a query to what a day of it would be like. */
import { formatDuration } from "../duration.ts";
import type { Selection } from "./selection/selection.ts";

export interface MeasuredWindow {
  readonly selection: Pick<Selection, "offered" | "dropped" | "gaps">;
  readonly points: number;
  /** Encoded and compressed. */
  readonly bytes: number;
  /** What the source took to answer. */
  readonly elapsedMs: number;
  /** What the window covers, its last step included. */
  readonly spanMs: number;
  readonly warnings: readonly string[];
}

/** Numbers are null where no window was answered. */
export interface DailyCost {
  /** Sent, and left out: of the window that had most. */
  readonly series: number | null;
  readonly dropped: number | null;
  readonly pointsPerDay: number | null;
  readonly bytesPerDay: number | null;
  readonly secondsPerWindow: number | null;
  readonly notes: readonly string[];
  /** Whether all of it would arrive. */
  readonly ok: boolean;
}

const DAY_MS = 86_400_000;
/** A query that takes more of the time that it covers falls behind when anything else is slow too. */
const SLOW_SHARE = 0.1;

/** @param windows at least one */
export function dailyCost(windows: readonly MeasuredWindow[]): DailyCost {
  const total = (of: "points" | "bytes" | "elapsedMs" | "spanMs") =>
    windows.reduce((sum, window) => sum + window[of], 0);
  const perDay = DAY_MS / total("spanMs");
  const counted = windows.map(({ selection: { offered, dropped } }) => {
    const lost = [...dropped.values()].reduce((sum, count) => sum + count, 0);
    return { series: offered - lost, lost };
  });
  const dropped = Math.max(...counted.map(({ lost }) => lost));
  const worst = windows[counted.findIndex(({ lost }) => lost === dropped)]!;
  const offered = Math.max(...windows.map(({ selection }) => selection.offered));
  return {
    series: Math.max(...counted.map(({ series }) => series)),
    dropped,
    pointsPerDay: Math.round(total("points") * perDay),
    bytesPerDay: Math.round(total("bytes") * perDay),
    secondsPerWindow: total("elapsedMs") / windows.length / 1000,
    notes: [
      ...(offered === 0 ? ["no data"] : []),
      ...worst.selection.gaps().map(({ reason, detail }) =>
        `${reason === "series_limit" ? "over the cap" : "labels collide"}: ${detail}`
      ),
      ...[...new Set(windows.flatMap(({ warnings }) => warnings))]
        .map((warning) => `warning: ${warning}`),
      ...slowness(total("elapsedMs") / total("spanMs"), windows[0]!.spanMs),
    ],
    ok: dropped === 0,
  };
}

/** Of a query that was not answered. */
export function noCost(note: string, ok = false): DailyCost {
  return {
    series: null,
    dropped: null,
    pointsPerDay: null,
    bytesPerDay: null,
    secondsPerWindow: null,
    notes: [note],
    ok,
  };
}

function slowness(share: number, windowMs: number): string[] {
  if (share <= SLOW_SHARE) return [];
  const percent = Math.round(100 * share);
  return [
    `slow: takes ${percent} % of the time that it covers (windows of ${formatDuration(windowMs)})`,
  ];
}
