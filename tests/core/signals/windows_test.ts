import assert from "node:assert/strict";
import fc from "fast-check";
import {
  alignDown,
  backfillHorizon,
  blockEnd,
  countSteps,
  type Grid,
  halveWindow,
  makeGrid,
  MAX_STEPS,
  windowAt,
} from "../../../src/core/signals/windows.ts";

const grids = fc.record({
  stepMs: fc.integer({ min: 100, max: 3_600_000 }),
  windowMs: fc.integer({ min: 100, max: 86_400_000 }),
}).map(({ stepMs, windowMs }) => makeGrid(stepMs, windowMs));
const NOW = Date.parse("2026-11-22T10:00:00Z");

/** Up to where points can be asked for: younger ones may still change as late samples come in. */
function newestSettled(nowMs: number, settleMs: number, stepMs: number): number {
  return alignDown(nowMs - settleMs, stepMs);
}

function windowsFrom(grid: Grid, startMs: number, sizes: readonly number[]) {
  return sizes.map((size) => {
    const window = windowAt(grid, startMs, size);
    startMs = window.endMs + grid.stepMs;
    return window;
  });
}

Deno.test("makeGrid() keeps a block between 1 and 10,000 steps", () => {
  assert.equal(makeGrid(60_000, 1000).blockSteps, 1);
  assert.equal(makeGrid(100, 86_400_000).blockSteps, MAX_STEPS);
  assert.equal(makeGrid(15_000, 60_000).blockSteps, 4);
  assert.equal(makeGrid(7000, 60_000).blockSteps, 8);
});

Deno.test("windowAt() tiles time without overlap or hole, whatever sizes are asked for", () => {
  fc.assert(fc.property(
    grids,
    fc.integer({ min: 0, max: NOW }),
    fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 50 }),
    (grid, anyMs, sizes) => {
      const startMs = alignDown(anyMs, grid.stepMs);
      let expectedMs = startMs;
      for (const [index, window] of windowsFrom(grid, startMs, sizes).entries()) {
        assert.equal(window.startMs, expectedMs);
        assert.equal(window.startMs % grid.stepMs, 0);
        const steps = countSteps(window);
        assert.ok(Number.isSafeInteger(steps) && steps >= 1);
        assert.ok(steps <= Math.min(MAX_STEPS, sizes[index]!));
        assert.ok(window.endMs <= blockEnd(grid, window.startMs), "a window crosses its block");
        expectedMs = window.endMs + grid.stepMs;
      }
    },
  ));
});

Deno.test("windowAt() cuts the same way again after a restart at any window", () => {
  fc.assert(fc.property(grids, fc.integer({ min: 0, max: NOW }), (grid, anyMs) => {
    const startMs = alignDown(anyMs, grid.stepMs);
    const sizes = Array.from({ length: 20 }, () => grid.blockSteps);
    const windows = windowsFrom(grid, startMs, sizes);
    for (const window of windows) assert.deepEqual(windowAt(grid, window.startMs), window);
    const aligned = windows.findIndex(({ startMs }) =>
      (startMs / grid.stepMs) % grid.blockSteps === 0
    );
    for (const window of aligned < 0 ? [] : windows.slice(aligned)) {
      assert.equal(countSteps(window), grid.blockSteps, "a whole block is one window");
    }
  }));
});

Deno.test("halveWindow() tiles a window exactly, down to one point", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 3_600_000 }),
    fc.integer({ min: 0, max: 1_000_000 }),
    fc.integer({ min: 1, max: MAX_STEPS }),
    (stepMs, start, steps) => {
      const startMs = start * stepMs;
      const whole = { startMs, endMs: startMs + (steps - 1) * stepMs, stepMs };
      const halves = halveWindow(whole);
      if (steps === 1) return assert.equal(halves, null);
      const [first, second] = halves!;
      assert.equal(first.startMs, whole.startMs);
      assert.equal(second.startMs, first.endMs + stepMs);
      assert.equal(second.endMs, whole.endMs);
      assert.ok(Math.abs(countSteps(first) - countSteps(second)) <= 1);
    },
  ));
});

Deno.test("halving the steps asked for gives the first half of the same window", () => {
  fc.assert(fc.property(grids, fc.integer({ min: 0, max: NOW }), (grid, anyMs) => {
    const whole = windowAt(grid, alignDown(anyMs, grid.stepMs));
    const halves = halveWindow(whole);
    if (!halves) return;
    const first = windowAt(grid, whole.startMs, Math.ceil(countSteps(whole) / 2));
    assert.deepEqual(first, halves[0]);
    assert.deepEqual(windowAt(grid, halves[1].startMs), halves[1]);
  }));
});

Deno.test("windows tile without overlap or hole while the clock is stepped to and fro", () => {
  fc.assert(fc.property(
    grids,
    fc.integer({ min: 0, max: 3_600_000 }),
    fc.array(fc.integer({ min: -7_200_000, max: 7_200_000 }), { maxLength: 40 }),
    (grid, settleMs, clockSteps) => {
      let nowMs = NOW;
      let nextMs = newestSettled(nowMs, settleMs, grid.stepMs);
      const firstMs = nextMs;
      let covered = 0;
      for (const stepMs of clockSteps) {
        nowMs += stepMs;
        const newestMs = newestSettled(nowMs, settleMs, grid.stepMs);
        for (let budget = 20; budget > 0; budget--) {
          const window = windowAt(grid, nextMs);
          if (window.endMs > newestMs) break;
          assert.ok(window.endMs <= nowMs - settleMs, "a window ends before the settle delay");
          covered += countSteps(window);
          nextMs = window.endMs + grid.stepMs;
        }
      }
      assert.equal(nextMs - firstMs, covered * grid.stepMs);
    },
  ));
});

Deno.test("backfillHorizon() never reaches what is outstanding in normal work", () => {
  fc.assert(fc.property(
    grids,
    fc.integer({ min: 0, max: 3_600_000 }),
    fc.integer({ min: 0, max: 30 * 86_400_000 }),
    (grid, settleMs, backfillMs) => {
      const horizonMs = backfillHorizon(grid, NOW, settleMs, backfillMs);
      // The last window that is not settled yet, and the whole one before it.
      const open = windowAt(grid, alignDown(NOW - settleMs, grid.stepMs * grid.blockSteps));
      assert.ok(horizonMs <= open.startMs - grid.stepMs * grid.blockSteps + grid.stepMs);
      assert.equal(horizonMs % grid.stepMs, 0);
      assert.ok(
        blockEnd(grid, horizonMs - grid.stepMs) <= newestSettled(NOW, settleMs, grid.stepMs),
      );
    },
  ));
});
