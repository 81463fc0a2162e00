import assert from "node:assert/strict";
import fc from "fast-check";
import {
  acknowledge,
  continueCursor,
  type Cursor,
  encodeCursor,
  firstCursor,
  holesOf,
  isAcknowledged,
  MAX_AHEAD,
  MAX_CURSOR_BYTES,
  newestPoint,
  nextPoint,
  parseCursor,
  uniteCursors,
} from "../../../src/core/signals/cursor.ts";
import { decodeUtf8 } from "../../../src/core/encoding.ts";
import { StalledError } from "../../../src/errors.ts";

const NOW = Date.parse("2026-11-22T10:00:00Z");
const QUERY = { name: "requests", expr: "sim_requests_total", stepMs: 15_000 };
const STEP = 10;
const SMALL = { ...QUERY, stepMs: STEP };

/** Spans of a small grid, in any order, overlapping or not. */
const spans = (count: number, length: number) =>
  fc.array(
    fc.tuple(fc.integer({ min: 0, max: length }), fc.integer({ min: 0, max: 5 })).map((
      [start, steps],
    ) => ({ startMs: start * STEP, endMs: (start + steps) * STEP })),
    { maxLength: count },
  );

const begin = () => firstCursor(SMALL, 0, 0);

function pointsOf(cursor: Cursor, untilMs: number): number[] {
  const points: number[] = [];
  for (let timeMs = 0; timeMs <= untilMs; timeMs += STEP) {
    if (isAcknowledged(cursor, { startMs: timeMs, endMs: timeMs })) points.push(timeMs);
  }
  return points;
}

Deno.test("firstCursor() begins startFrom before now, on the grid", () => {
  const cursor = firstCursor(QUERY, NOW + 7, 300_000);
  assert.equal(nextPoint(cursor), NOW - 300_000);
});

Deno.test("a cursor survives the disk, full as it may be", () => {
  let cursor = firstCursor({ ...QUERY, name: "q".repeat(63) }, NOW, 0);
  for (let n = 1; n <= MAX_AHEAD; n++) {
    const startMs = NOW + 2 * n * QUERY.stepMs;
    const window = { startMs, endMs: startMs, stepMs: QUERY.stepMs };
    cursor = acknowledge(cursor, window);
  }
  assert.equal(cursor.ahead.length, MAX_AHEAD);
  const bytes = encodeCursor({ ...cursor, rereadMs: NOW });
  assert.ok(bytes.length < MAX_CURSOR_BYTES);
  assert.deepEqual(parseCursor(decodeUtf8(bytes), cursor.query, "x"), { ...cursor, rereadMs: NOW });
});

Deno.test("a cursor of the version before is read as it stood", () => {
  const { ahead: _, rereadMs: __, ...rest } = firstCursor(QUERY, NOW, 0);
  const old = JSON.stringify({ ...rest, schema: "neuralops.io/cursor/v1" });
  assert.deepEqual(parseCursor(old, "requests", "x"), firstCursor(QUERY, NOW, 0));
});

Deno.test("acknowledge() has exactly what was acknowledged, in whatever order", () => {
  fc.assert(fc.property(spans(40, 60), (windows) => {
    let cursor = begin();
    const expected = new Set<number>();
    for (const window of windows) {
      const before = cursor;
      cursor = acknowledge(cursor, window);
      assert.ok(cursor.acknowledgedMs >= before.acknowledgedMs, "it moved back");
      for (let timeMs = window.startMs; timeMs <= window.endMs; timeMs += STEP) {
        expected.add(timeMs);
      }
      assert.deepEqual(pointsOf(cursor, 700), [...expected].sort((a, b) => a - b));
      assert.ok(isAcknowledged(cursor, window));
      assert.ok(!expected.has(nextPoint(cursor)));
    }
  }));
});

Deno.test("holesOf() is what is missing up to the newest point; filled, nothing is left ahead", () => {
  fc.assert(fc.property(spans(40, 60), fc.nat(), (windows, seed) => {
    let cursor = windows.reduce(acknowledge, begin());
    const newestMs = newestPoint(cursor);
    const missing = holesOf(cursor).flatMap(({ startMs, endMs }) => {
      assert.ok(startMs <= endMs);
      return Array.from({ length: (endMs - startMs) / STEP + 1 }, (_, n) => startMs + n * STEP);
    });
    const known = pointsOf(cursor, Math.max(0, newestMs));
    assert.equal(missing.length + known.length, newestMs / STEP + 1);
    while (holesOf(cursor).length > 0) {
      const holes = holesOf(cursor);
      cursor = acknowledge(cursor, holes[seed % holes.length]!);
    }
    assert.deepEqual(cursor.ahead, []);
    assert.equal(cursor.acknowledgedMs, newestMs);
  }));
});

Deno.test("a cursor stays bounded by forgetting, never by claiming, and keeps the newest span", () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([...Array(400).keys()], { minLength: 150 }), (starts) => {
      let cursor = begin();
      const sent = new Set<number>();
      for (const start of starts) {
        const timeMs = start * STEP;
        sent.add(timeMs);
        cursor = acknowledge(cursor, { startMs: timeMs, endMs: timeMs });
        assert.ok(cursor.ahead.length <= MAX_AHEAD);
        assert.equal(newestPoint(cursor), Math.max(...sent));
      }
      for (const timeMs of pointsOf(cursor, 4000)) assert.ok(sent.has(timeMs));
    }),
    { numRuns: 20 },
  );
});

Deno.test("uniteCursors() has what either has, and nothing else", () => {
  fc.assert(fc.property(spans(20, 60), spans(20, 60), (ours, theirs) => {
    const [one, other] = [ours.reduce(acknowledge, begin()), theirs.reduce(acknowledge, begin())];
    const both = uniteCursors(one, other);
    const expected = new Set([...pointsOf(one, 700), ...pointsOf(other, 700)]);
    assert.deepEqual(pointsOf(both, 700), [...expected].sort((a, b) => a - b));
    assert.deepEqual(both, parseCursor(decodeUtf8(encodeCursor(both)), both.query, "x"));
  }));
});

Deno.test("a cursor goes on without a hole when expression or step change", () => {
  const steps = fc.integer({ min: 100, max: 3_600_000 });
  fc.assert(fc.property(steps, steps, fc.nat({ max: 20 }), (before, after, skipped) => {
    const old = firstCursor({ ...QUERY, stepMs: before }, NOW, 0);
    const startMs = nextPoint(old) + skipped * before;
    const jumped = acknowledge(old, { startMs, endMs: startMs + before });
    const cursor = continueCursor(jumped, { ...QUERY, expr: "other", stepMs: after });
    assert.notEqual(cursor.exprFingerprint, old.exprFingerprint);
    assert.ok(cursor.acknowledgedMs >= jumped.acknowledgedMs);
    // Time between two points belongs to the later one: what the old grid did not send, the new one asks for.
    for (const hole of holesOf(jumped)) {
      for (let timeMs = hole.startMs; timeMs <= hole.endMs; timeMs += before) {
        const pointMs = Math.ceil(timeMs / after) * after;
        const point = { startMs: pointMs, endMs: pointMs };
        assert.ok(!isAcknowledged(cursor, point), `${timeMs} was left out`);
      }
    }
    const isSent = (timeMs: number) =>
      timeMs <= jumped.acknowledgedMs ||
      jumped.ahead.some(({ startMs, endMs }) => startMs <= timeMs && timeMs <= endMs);
    const fromMs = Math.ceil(jumped.acknowledgedMs / after) * after;
    let twice = 0;
    for (let timeMs = fromMs; timeMs <= startMs + 2 * before; timeMs += after) {
      const isKnown = isAcknowledged(cursor, { startMs: timeMs, endMs: timeMs });
      assert.ok(!isKnown || isSent(timeMs), `${timeMs} is claimed`);
      if (isSent(timeMs) && !isKnown) twice += 1;
    }
    assert.ok(twice <= jumped.ahead.length, "more than where a span begins is sent twice");
    const next = nextPoint(cursor);
    assert.equal(next % after, 0);
    assert.ok(next > cursor.acknowledgedMs && next - cursor.acknowledgedMs <= after);
    assert.deepEqual(cursor, parseCursor(decodeUtf8(encodeCursor(cursor)), "requests", "x"));
  }));
});

Deno.test("what was sent under another step or expression is not asked once more", () => {
  const cursor = { ...firstCursor(QUERY, NOW, 0), rereadMs: NOW - 3_600_000 };
  assert.equal(continueCursor(cursor, QUERY).rereadMs, NOW - 3_600_000);
  for (const changed of [{ ...QUERY, expr: "other" }, { ...QUERY, stepMs: 1000 }]) {
    assert.equal(continueCursor(cursor, changed).rereadMs, cursor.acknowledgedMs);
  }
});

Deno.test("isAcknowledged() lets time between two points belong to the later one", () => {
  const cursor = acknowledge(begin(), { startMs: 50, endMs: 70 });
  assert.ok(isAcknowledged(cursor, { startMs: 45, endMs: 45 }));
  assert.ok(!isAcknowledged(cursor, { startMs: 40, endMs: 45 }));
  assert.ok(!isAcknowledged(cursor, { startMs: 65, endMs: 71 }));
});

Deno.test("parseCursor() refuses damage instead of beginning anew", () => {
  const cursor = acknowledge(firstCursor(QUERY, NOW, 0), { startMs: NOW * 2, endMs: NOW * 2 });
  const good = decodeUtf8(encodeCursor(cursor));
  const ahead = (spans: unknown) => JSON.stringify({ ...cursor, ahead: spans });
  const broken = [
    "",
    "{",
    "null",
    "[]",
    good.replace("requests", "other"),
    good.slice(0, 40),
    good.replace(/"acknowledgedMs":\d+/, '"acknowledgedMs":1.5'),
    good.replace("v2", "v9"),
    good.replace("v2", "v1"),
    ahead([{ startMs: NOW * 2, endMs: NOW }]),
    ahead([{ startMs: 5, endMs: NOW * 2 }]),
    ahead([{ startMs: NOW * 3, endMs: NOW * 3 }, { startMs: NOW * 2, endMs: NOW * 2 }]),
    ahead(Array.from({ length: 65 }, (_, n) => ({ startMs: NOW * 2 + n, endMs: NOW * 2 + n }))),
  ];
  for (const text of broken) {
    assert.throws(
      () => parseCursor(text, "requests", "/state/cursors/requests.json"),
      (error) =>
        error instanceof StalledError && error.code === "state_damaged" &&
        error.message.includes("/state/cursors/requests.json") && error.hint!.includes("delete it"),
    );
  }
});
