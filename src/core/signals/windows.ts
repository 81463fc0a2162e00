/**
 * How time is cut. Points lie on multiples of the step since the epoch; blocks of a fixed number of
 * steps are cut at multiples of their length; a window is a node of the binary tree over one block.
 * So the same position always gives the same window, whatever was retried, split or restarted.
 */

/** Prometheus refuses more than 11,000 intervals; staying below leaves room for its own rounding. */
export const MAX_STEPS = 10_000;

export interface Grid {
  readonly stepMs: number;
  readonly blockSteps: number;
}

/** Inclusive at both ends, both on the grid: point i is at `startMs + i × stepMs`. */
export interface Window {
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
}

/** @param windowMs the wished length of a block, clamped to between 1 and 10,000 steps */
export function makeGrid(stepMs: number, windowMs: number): Grid {
  const blockSteps = Math.min(MAX_STEPS, Math.max(1, Math.floor(windowMs / stepMs)));
  return { stepMs, blockSteps };
}

export function countSteps(window: Window): number {
  return (window.endMs - window.startMs) / window.stepMs + 1;
}

/** The newest grid point at or before a time. */
export function alignDown(ms: number, stepMs: number): number {
  return Math.floor(ms / stepMs) * stepMs;
}

/** The oldest grid point at or after a time. */
export function alignUp(ms: number, stepMs: number): number {
  return Math.ceil(ms / stepMs) * stepMs;
}

/** The last point of the block that holds `pointMs`. */
export function blockEnd(grid: Grid, pointMs: number): number {
  const blockMs = grid.stepMs * grid.blockSteps;
  return alignDown(pointMs, blockMs) + blockMs - grid.stepMs;
}

/**
 * The largest window that begins at `startMs` (a grid point) and has at most `maxSteps` points.
 * Halving a window is asking again with half its steps; windows asked for in a row tile time exactly.
 */
export function windowAt(grid: Grid, startMs: number, maxSteps: number = grid.blockSteps): Window {
  const { stepMs, blockSteps } = grid;
  const offset = (startMs / stepMs) % blockSteps;
  const limit = Math.max(1, maxSteps);
  let low = 0;
  let high = blockSteps;
  while (low !== offset || high - low > limit) {
    const middle = low + Math.ceil((high - low) / 2);
    if (offset < middle) high = middle;
    else low = middle;
  }
  return { startMs, endMs: startMs + (high - low - 1) * stepMs, stepMs };
}

/** Two windows that tile this one exactly; null for a single point. */
export function halveWindow(window: Window): readonly [Window, Window] | null {
  const steps = countSteps(window);
  if (steps < 2) return null;
  const endMs = window.startMs + (Math.ceil(steps / 2) - 1) * window.stepMs;
  return [{ ...window, endMs }, { ...window, startMs: endMs + window.stepMs }];
}

/**
 * The oldest point that is still made good. What is always outstanding (the settle delay and two
 * blocks) does not count as backlog, so that a `backfill` of zero gives up nothing in normal work.
 */
export function backfillHorizon(
  grid: Grid,
  nowMs: number,
  settleMs: number,
  backfillMs: number,
): number {
  const outstandingMs = settleMs + 2 * grid.stepMs * grid.blockSteps;
  return Math.max(0, alignUp(nowMs - outstandingMs - backfillMs, grid.stepMs));
}
