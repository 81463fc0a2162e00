/** What a soak has shown, for people. Pure. */
import { columns } from "../../bench/report.ts";
import { isClean } from "./oracle.ts";
import type { SoakResult } from "./soak.ts";

const MAX_VIOLATIONS = 20;

export function formatSoak(result: SoakResult): string {
  const { seed, durationMs, catchUpMs, verdicts, violations, repeats, cursorMoves } = result;
  const seconds = (ms: number) => `${(ms / 1000).toFixed(0)} s`;
  const more = violations.length - MAX_VIOLATIONS;
  return [
    `seed ${seed}, ${seconds(durationMs)} of faults, ${seconds(catchUpMs)} to catch up`,
    faultTable(result),
    columns([
      ["query", "windows", "points", "gaps", "in gaps", "missing", "changed", "unaccounted", ""],
      ...verdicts.map((verdict) => [
        verdict.query,
        ...[verdict.windows, verdict.points, verdict.gaps, verdict.inGaps].map(String),
        ...[verdict.missing, verdict.changed, verdict.unaccounted].map(String),
        isClean(verdict) ? "ok" : "NOT ok",
      ]),
    ]),
    `Cursors were seen to move ${cursorMoves} times. ${
      repeats === null ? "" : `${repeats} batches came again, byte for byte.`
    }`,
    violations.length === 0
      ? "Passed: received = source ∪ gap ledger, nothing changed, no cursor moved back."
      : ["FAILED:", ...violations.slice(0, MAX_VIOLATIONS)].join("\n"),
    ...(more > 0 ? [`and ${more} more`] : []),
  ].join("\n\n");
}

function faultTable({ happened }: SoakResult): string {
  const counts = new Map<string, number>();
  for (const { fault: { track, kind } } of happened) {
    counts.set(`${track}: ${kind}`, (counts.get(`${track}: ${kind}`) ?? 0) + 1);
  }
  const rows = [...counts].sort(([a], [b]) => a < b ? -1 : 1);
  return columns([["fault", "times"], ...rows.map(([what, times]) => [what, String(times)])]);
}
