/**
 * Stretches of settled time: sorted, disjoint, inclusive at both ends. Two are one as soon as no grid point
 * lies between them.
 */
import { alignUp } from "./windows.ts";

export interface Span {
  readonly startMs: number;
  /** Inclusive. */
  readonly endMs: number;
}

/** The first grid point after a time; none lies before the epoch. */
export function pointAfter(timeMs: number, stepMs: number): number {
  return Math.max(0, alignUp(timeMs + 1, stepMs));
}

/** The last grid point before a time. */
export function pointBefore(timeMs: number, stepMs: number): number {
  return alignUp(timeMs, stepMs) - stepMs;
}

/** The same time as the spans given, in any order and overlapping or not, with as few spans as that takes. */
export function joinSpans(spans: readonly Span[], stepMs: number): Span[] {
  const joined: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.startMs - b.startMs)) {
    const last = joined.at(-1);
    if (!last || pointAfter(last.endMs, stepMs) < span.startMs) joined.push(span);
    else if (span.endMs > last.endMs) joined.splice(-1, 1, { ...last, endMs: span.endMs });
  }
  return joined;
}
