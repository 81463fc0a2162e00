/**
 * What a query asks for next. Fresh data go on at the newest block when more than two blocks wait, and
 * history fills the holes behind them, the oldest first. A receiver that takes points in their order only
 * gets one lane instead, the oldest first.
 */
import { type Cursor, holesOf, newestPoint, nextPoint } from "./cursor.ts";
import { pointAfter, type Span } from "./spans.ts";
import { alignDown, countSteps, type Grid, type Window, windowAt } from "./windows.ts";

/** More than so many blocks that wait are a backlog; fewer are caught up with at once, in their order. */
export const BACKLOG_BLOCKS = 2;

export type LaneName = "fresh" | "history" | "ordered";

/** Where a lane goes on, and the last point that it may take from there. */
export interface Stretch {
  readonly startMs: number;
  readonly limitMs: number;
}

/** @param settledMs how far points may be asked for; null when the lane has nothing to do */
export function nextStretch(
  lane: LaneName,
  cursor: Cursor,
  grid: Grid,
  settledMs: number,
): Stretch | null {
  const hole = holesOf(cursor)[0];
  switch (lane) {
    case "fresh":
      return { startMs: freshPoint(cursor, grid, settledMs), limitMs: Infinity };
    case "history":
      return hole ? { startMs: hole.startMs, limitMs: hole.endMs } : null;
    case "ordered":
      return { startMs: nextPoint(cursor), limitMs: hole?.endMs ?? Infinity };
  }
}

/** The largest window at the start of a stretch that does not reach out of it. */
export function windowWithin(grid: Grid, { startMs, limitMs }: Stretch, maxSteps: number): Window {
  let window = windowAt(grid, startMs, maxSteps);
  while (window.endMs > limitMs && countSteps(window) > 1) {
    window = windowAt(grid, startMs, Math.ceil(countSteps(window) / 2));
  }
  return window;
}

/** Points that wait, as far as they are a backlog: of holes, and of more than two blocks at the end. */
export function backlogOf(cursor: Cursor, grid: Grid, settledMs: number): Span[] {
  const { stepMs } = grid;
  const settledPointMs = alignDown(settledMs, stepMs);
  const holes = holesOf(cursor)
    .map(({ startMs, endMs }) => ({ startMs, endMs: Math.min(endMs, settledPointMs) }))
    .filter(({ startMs, endMs }) => startMs <= endMs);
  const startMs = pointAfter(newestPoint(cursor), stepMs);
  const isLate =
    newestBlock(grid, settledMs) + blockMs(grid) - startMs > BACKLOG_BLOCKS * blockMs(grid);
  return isLate ? [...holes, { startMs, endMs: settledPointMs }] : holes;
}

/** How long the time is for which spans of the grid stand. */
export function durationOf(spans: readonly Span[], stepMs: number): number {
  return spans.reduce((sum, { startMs, endMs }) => sum + endMs - startMs + stepMs, 0);
}

function freshPoint(cursor: Cursor, grid: Grid, settledMs: number): number {
  const startMs = pointAfter(newestPoint(cursor), grid.stepMs);
  const newestMs = newestBlock(grid, settledMs);
  const waitingMs = newestMs + blockMs(grid) - startMs;
  return waitingMs > BACKLOG_BLOCKS * blockMs(grid) ? newestMs : startMs;
}

/** The first point of the newest block of which all is settled. */
function newestBlock(grid: Grid, settledMs: number): number {
  return alignDown(settledMs + grid.stepMs, blockMs(grid)) - blockMs(grid);
}

function blockMs({ stepMs, blockSteps }: Grid): number {
  return stepMs * blockSteps;
}
