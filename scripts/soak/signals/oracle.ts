/**
 * Received = source ∪ gap ledger, at every grid point of a query: nothing missing, nothing changed,
 * nothing that no one holds, no time unaccounted for. Pure.
 */
import type { Gap } from "../../../src/core/protocol.ts";
import { isWholeLoss } from "../../../src/core/signals/gap_ledger.ts";
import type { Points } from "./points.ts";

/** Inclusive at both ends, epoch ms. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

export interface Evidence {
  readonly query: string;
  readonly stepMs: number;
  /** What was acknowledged, as data or as gaps. */
  readonly windows: readonly Span[];
  readonly gaps: readonly Gap[];
  readonly received: Points;
  /** What the source says now of the same span. */
  readonly source: Points;
}

export interface Verdict {
  readonly query: string;
  readonly windows: number;
  /** Received. */
  readonly points: number;
  readonly gaps: number;
  /** Held by the source, within a gap. */
  readonly inGaps: number;
  /** Held by the source, not received, and in no gap. */
  readonly missing: number;
  /** Received with another value than the source has, or where it has none. */
  readonly changed: number;
  /** Grid points of which nobody ever said anything. */
  readonly unaccounted: number;
  /** The first few faults, in words. */
  readonly faults: readonly string[];
}

const MAX_FAULTS = 5;

/** First to last point of all windows. Throws RangeError when there is none. */
export function spanOf(windows: readonly Span[]): Span {
  if (windows.length === 0) throw new RangeError("no window was ever acknowledged");
  return {
    startMs: windows.reduce((least, { startMs }) => Math.min(least, startMs), Infinity),
    endMs: windows.reduce((most, { endMs }) => Math.max(most, endMs), -Infinity),
  };
}

/** What is left of a span, on its grid, without those that are lost. */
export function spansAround(span: Span, lost: readonly Span[], stepMs: number): Span[] {
  const spans: Span[] = [];
  let startMs = span.startMs;
  for (const gap of lost.toSorted((a, b) => a.startMs - b.startMs)) {
    const endMs = (Math.ceil(gap.startMs / stepMs) - 1) * stepMs;
    if (endMs >= startMs) spans.push({ startMs, endMs });
    startMs = Math.max(startMs, (Math.floor(gap.endMs / stepMs) + 1) * stepMs);
  }
  if (startMs <= span.endMs) spans.push({ startMs, endMs: span.endMs });
  return spans;
}

export function judge(evidence: Evidence): Verdict {
  const { query, stepMs, windows, gaps, received, source } = evidence;
  const lost = gaps.filter(isWholeLoss);
  const isLost = (atMs: number) => lost.some((gap) => lies(atMs, gap));
  const capped = gaps.filter(({ reason }) => reason === "series_limit")
    .map((gap) => ({ gap, leftOut: new Set<string>() }));
  /** A series beyond the cap is left out of the whole window, and no more of them than the gap says. */
  const isLeftOut = (labels: string, atMs: number) => {
    const one = capped.find(({ gap }) => lies(atMs, gap));
    if (!one || [...received.get(labels)?.keys() ?? []].some((at) => lies(at, one.gap))) {
      return false;
    }
    return one.leftOut.add(labels).size <= countLeftOut(one.gap);
  };
  const faults: string[] = [];
  const blame = (what: string, series: string, atMs: number) => {
    const labels = series === "" ? "" : ` ${series}`;
    if (faults.length < MAX_FAULTS) faults.push(`${query}${labels} at ${atMs}: ${what}`);
  };
  let [points, inGaps, missing, changed] = [0, 0, 0, 0];
  for (const [labels, held] of source) {
    const arrived = received.get(labels);
    for (const [atMs, value] of held) {
      const found = arrived?.get(atMs);
      // JSON has no negative zero; numerically it is the same.
      if (found === value) continue;
      if (found !== undefined) {
        changed += 1;
        blame(`${found} instead of ${value}`, labels, atMs);
      } else if (isLost(atMs) || isLeftOut(labels, atMs)) inGaps += 1;
      else {
        missing += 1;
        blame(`missing, ${value}`, labels, atMs);
      }
    }
  }
  for (const [labels, arrived] of received) {
    const held = source.get(labels);
    points += arrived.size;
    for (const [atMs, value] of arrived) {
      if (held?.has(atMs)) continue;
      changed += 1;
      blame(`${value}, which the source does not hold`, labels, atMs);
    }
  }
  const uncovered = unaccountedFor(stepMs, [...windows, ...lost]);
  for (const atMs of uncovered.slice(0, MAX_FAULTS)) blame("never accounted for", "", atMs);
  return {
    ...{ query, windows: windows.length, points, gaps: gaps.length, inGaps, missing, changed },
    unaccounted: uncovered.length,
    faults,
  };
}

function lies(atMs: number, { startMs, endMs }: Span): boolean {
  return startMs <= atMs && atMs <= endMs;
}

/** As the gap of a cap says it: `1,250 of 2,000 series beyond …`. */
function countLeftOut({ detail }: Gap): number {
  const count = /^([\d,]+) of [\d,]+ series /.exec(detail)?.[1] ?? "0";
  return Number(count.replaceAll(",", ""));
}

/** Grid points between the first and the last span that lie in none. */
export function unaccountedFor(stepMs: number, spans: readonly Span[]): number[] {
  const found: number[] = [];
  let coveredMs: number | null = null;
  for (const { startMs, endMs } of spans.toSorted((a, b) => a.startMs - b.startMs)) {
    if (coveredMs !== null) {
      for (let at = (Math.floor(coveredMs / stepMs) + 1) * stepMs; at < startMs; at += stepMs) {
        found.push(at);
      }
    }
    coveredMs = Math.max(coveredMs ?? endMs, endMs);
  }
  return found;
}

export function isClean({ missing, changed, unaccounted }: Verdict): boolean {
  return missing + changed + unaccounted === 0;
}
