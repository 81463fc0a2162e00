import assert from "node:assert/strict";
import fc from "fast-check";
import {
  acknowledge,
  type Cursor,
  firstCursor,
  isAcknowledged,
  newestPoint,
} from "../../../src/core/signals/cursor.ts";
import {
  BACKLOG_BLOCKS,
  backlogOf,
  durationOf,
  nextStretch,
  windowWithin,
} from "../../../src/core/signals/lanes.ts";
import { countSteps, type Grid, makeGrid } from "../../../src/core/signals/windows.ts";

const STEP = 10;
const GRID = makeGrid(STEP, 40);
const BLOCK = 40;
const begin = (startMs: number) => firstCursor({ name: "q", expr: "up", stepMs: STEP }, startMs, 0);

function carry(
  lane: "fresh" | "history" | "ordered",
  cursor: Cursor,
  settledMs: number,
  maxSteps: number,
  grid: Grid = GRID,
) {
  const stretch = nextStretch(lane, cursor, grid, settledMs);
  if (!stretch) return null;
  const window = windowWithin(grid, stretch, maxSteps);
  return window.endMs <= settledMs ? window : null;
}

Deno.test("the fresh lane goes in order while little waits, and on at the newest block while much does", () => {
  const cursor = begin(0);
  assert.equal(nextStretch("fresh", cursor, GRID, 2 * BLOCK)!.startMs, 0);
  assert.equal(nextStretch("fresh", cursor, GRID, 3 * BLOCK - STEP)!.startMs, 2 * BLOCK);
  assert.equal(nextStretch("history", cursor, GRID, 3 * BLOCK)!, null);
  const jumped = acknowledge(cursor, { startMs: 80, endMs: 110 });
  assert.equal(nextStretch("fresh", jumped, GRID, 120)!.startMs, 120);
  assert.deepEqual(nextStretch("history", jumped, GRID, 120), { startMs: 0, limitMs: 70 });
  assert.deepEqual(nextStretch("ordered", jumped, GRID, 120), { startMs: 0, limitMs: 70 });
});

Deno.test("both lanes together ask for each point once, whatever sizes prove too large", () => {
  const turns = fc.array(
    fc.record({
      lane: fc.constantFrom("fresh" as const, "history" as const),
      passMs: fc.integer({ min: 0, max: 300 }),
      maxSteps: fc.integer({ min: 1, max: 8 }),
    }),
    { maxLength: 80 },
  );
  fc.assert(fc.property(fc.nat({ max: 200 }), turns, (startMs, story) => {
    let cursor = begin(startMs);
    const firstMs = cursor.acknowledgedMs + STEP;
    let settledMs = startMs;
    const asked = new Set<number>();
    const take = (lane: "fresh" | "history", maxSteps: number) => {
      const window = carry(lane, cursor, settledMs, maxSteps);
      if (!window) return false;
      assert.ok(countSteps(window) <= maxSteps);
      for (let timeMs = window.startMs; timeMs <= window.endMs; timeMs += STEP) {
        assert.ok(!asked.has(timeMs), `${timeMs} was asked for twice`);
        asked.add(timeMs);
      }
      cursor = acknowledge(cursor, window);
      assert.ok(cursor.ahead.length <= 64);
      return true;
    };
    for (const { lane, passMs, maxSteps } of story) {
      settledMs += passMs;
      take(lane, maxSteps);
    }
    while (take("fresh", 8) || take("history", 8));
    assert.deepEqual(cursor.ahead, []);
    assert.ok(settledMs - cursor.acknowledgedMs < BLOCK + STEP, "the end was reached");
    assert.equal(asked.size * STEP, cursor.acknowledgedMs - firstMs + STEP, "a point was left out");
  }));
});

Deno.test("a fresh window is never more than two blocks behind once it was taken", () => {
  fc.assert(fc.property(fc.nat({ max: 1000 }), fc.nat({ max: 100_000 }), (startMs, passMs) => {
    const settledMs = startMs + passMs;
    let cursor = begin(startMs);
    for (let turns = 0; turns <= BACKLOG_BLOCKS + 1; turns++) {
      const window = carry("fresh", cursor, settledMs, 4);
      if (window) cursor = acknowledge(cursor, window);
    }
    assert.ok(settledMs - newestPoint(cursor) < BLOCK + STEP);
  }));
});

Deno.test("a window that ends a hole does not reach into what is acknowledged", () => {
  fc.assert(fc.property(
    fc.nat({ max: 30 }),
    fc.integer({ min: 1, max: 30 }),
    fc.integer({ min: 1, max: 12 }),
    (start, length, blockSteps) => {
      const grid = { stepMs: STEP, blockSteps };
      const limitMs = (start + length - 1) * STEP;
      for (let startMs = start * STEP; startMs <= limitMs;) {
        const window = windowWithin(grid, { startMs, limitMs }, blockSteps);
        assert.equal(window.startMs, startMs);
        assert.ok(window.endMs >= startMs && window.endMs <= limitMs);
        startMs = window.endMs + STEP;
      }
    },
  ));
});

Deno.test("the ordered lane never leaves a hole", () => {
  fc.assert(
    fc.property(fc.nat({ max: 500 }), fc.integer({ min: 1, max: 4 }), (passMs, maxSteps) => {
      let cursor = begin(0);
      for (;;) {
        const window = carry("ordered", cursor, passMs, maxSteps);
        if (!window) break;
        cursor = acknowledge(cursor, window);
        assert.deepEqual(cursor.ahead, []);
      }
      assert.ok(passMs - cursor.acknowledgedMs < BLOCK + STEP);
    }),
  );
});

Deno.test("backlogOf() counts holes, and what waits beyond two blocks, but nothing of normal work", () => {
  assert.deepEqual(backlogOf(begin(0), GRID, 2 * BLOCK), []);
  assert.deepEqual(backlogOf(begin(0), GRID, 3 * BLOCK), [{ startMs: 0, endMs: 120 }]);
  const jumped = acknowledge(begin(0), { startMs: 80, endMs: 110 });
  const backlog = backlogOf(jumped, GRID, 120);
  assert.deepEqual(backlog, [{ startMs: 0, endMs: 70 }]);
  assert.equal(durationOf(backlog, STEP), 80);
  // A clock that was stepped back: what is to come is no backlog.
  assert.deepEqual(backlogOf(jumped, GRID, 30), [{ startMs: 0, endMs: 30 }]);
  assert.ok(isAcknowledged(jumped, { startMs: 80, endMs: 110 }));
});
