import assert from "node:assert/strict";
import * as fc from "fast-check";
import { parsePosition, takenBack } from "../../scripts/soak/signals/cursors.ts";
import {
  type Evidence,
  isClean,
  judge,
  type Span,
  spansAround,
} from "../../scripts/soak/signals/oracle.ts";
import { LONGEST_HANG_MS, makePlan } from "../../scripts/soak/signals/plan.ts";
import { exposition, MAX_SERIES, QUERIES } from "../../scripts/soak/signals/data.ts";
import { type Points, putSeries } from "../../scripts/soak/signals/points.ts";
import type { Gap } from "../../src/core/protocol.ts";

const MINUTE_MS = 60_000;

Deno.test("makePlan gives the same plan for the same seed, and another for another", () => {
  assert.deepEqual(makePlan(7, 10 * MINUTE_MS), makePlan(7, 10 * MINUTE_MS));
  assert.notDeepEqual(makePlan(7, 10 * MINUTE_MS), makePlan(8, 10 * MINUTE_MS));
});

Deno.test("makePlan keeps faults of one track apart, and all of them within the time", () => {
  fc.assert(fc.property(fc.nat(2 ** 32 - 1), fc.integer({ min: 1, max: 20 }), (seed, minutes) => {
    const plan = makePlan(seed, minutes * MINUTE_MS);
    for (const faults of Map.groupBy(plan, ({ track }) => track).values()) {
      for (const [index, { atMs, forMs }] of faults.entries()) {
        assert.ok(atMs + forMs < (faults[index + 1]?.atMs ?? minutes * MINUTE_MS + 1));
      }
    }
    const hangs = plan.filter(({ track, kind }) => track === "prometheus" && kind === "hang");
    assert.ok(hangs.every(({ forMs }) => forMs <= LONGEST_HANG_MS));
  }));
});

Deno.test("makePlan has every track fail within a minute, and in every way within ten", () => {
  fc.assert(fc.property(fc.nat(2 ** 32 - 1), (seed) => {
    assert.equal(new Set(makePlan(seed, MINUTE_MS).map(({ track }) => track)).size, 4);
    const kinds = new Set(makePlan(seed, 10 * MINUTE_MS).map(({ track, kind }) => track + kind));
    assert.equal(kinds.size, 15);
  }));
});

Deno.test("exposition has within two minutes all that its queries need", () => {
  const texts = Array.from({ length: 120 }, (_, second) => exposition(1_800_000_000 + second));
  const has = (pattern: RegExp) => texts.filter((text) => pattern.test(text)).length;
  assert.equal(has(/^soak_requests_total/m), 120);
  assert.ok(has(/^soak_flaky/m) < 120 && has(/^soak_flaky/m) > 0);
  assert.ok(has(/copy="1"/) < 120 && has(/copy="1"/) > 0);
  const crowds = texts.map((text) => text.match(/^soak_crowd\{/gm)!.length);
  assert.ok(crowds.some((size) => size > MAX_SERIES) && crowds.some((size) => size < MAX_SERIES));
  assert.equal(new Set(QUERIES.map(({ name }) => name)).size, QUERIES.length);
});

/** Two windows of two points; the source holds all four. */
function evidence(changes: Partial<Evidence> = {}): Evidence {
  return {
    query: "q",
    stepMs: 1000,
    windows: [{ startMs: 0, endMs: 1000 }, { startMs: 2000, endMs: 3000 }],
    gaps: [],
    received: points("0", "NaN", "2", "+Inf"),
    source: points("-0", "NaN", "2", "+Inf"),
    ...changes,
  };
}

/** One series, a value each second; null where there is none. */
function points(...values: (string | null)[]): Points {
  const found: Points = new Map();
  const held = values.flatMap((value, index): [number, string][] =>
    value === null ? [] : [[index, value]]
  );
  putSeries(found, [{ metric: { pod: "a" }, values: held }]);
  return found;
}

const LOST = { startMs: 2000, endMs: 3000, reason: "source_error", detail: "422" } as const;

Deno.test("judge finds nothing where the receiver holds what the source holds", () => {
  const verdict = judge(evidence());
  assert.deepEqual([verdict.points, verdict.windows, isClean(verdict)], [4, 2, true]);
});

Deno.test("judge tells a point that is missing from one that lies in a gap", () => {
  const received = points("0", "NaN");
  const missing = judge(evidence({ received }));
  assert.deepEqual([missing.missing, missing.inGaps, isClean(missing)], [2, 0, false]);
  const lost = judge(evidence({ received, gaps: [LOST] }));
  assert.deepEqual([lost.missing, lost.inGaps, isClean(lost)], [0, 2, true]);
});

Deno.test("judge does not let a gap beside data excuse a point that is missing", () => {
  const gap = { ...LOST, reason: "warning" } as const;
  assert.equal(judge(evidence({ received: points("0", "NaN"), gaps: [gap] })).missing, 2);
});

Deno.test("judge excuses as many series as a cap left out, and whole ones only", () => {
  const capped = (count: string): Gap => ({
    startMs: 0,
    endMs: 3000,
    reason: "series_limit",
    detail: `${count} of 1,001 series beyond maxSeries 1,000, e.g. {pod="a"}`,
  });
  const left = judge(evidence({ received: new Map(), gaps: [capped("1")] }));
  assert.deepEqual([left.missing, left.inGaps, isClean(left)], [0, 4, true]);
  assert.equal(judge(evidence({ received: new Map(), gaps: [capped("0")] })).missing, 4);
  assert.equal(judge(evidence({ received: points("0"), gaps: [capped("1")] })).missing, 3);
});

Deno.test("judge finds a changed value, and one that the source does not hold", () => {
  assert.equal(judge(evidence({ received: points("0", "1", "2", "+Inf") })).changed, 1);
  const verdict = judge(evidence({ source: points("0", "NaN", "2", null) }));
  assert.equal(verdict.changed, 1);
  assert.match(verdict.faults[0]!, /which the source does not hold/);
});

Deno.test("judge finds time of which nobody said anything, even where there are no points", () => {
  const windows = [{ startMs: 0, endMs: 1000 }, { startMs: 4000, endMs: 5000 }];
  const none = points();
  const verdict = judge(evidence({ windows, received: none, source: none }));
  assert.deepEqual([verdict.unaccounted, isClean(verdict)], [2, false]);
  const told = judge(evidence({ windows, gaps: [LOST], received: none, source: none }));
  assert.equal(told.unaccounted, 0);
});

Deno.test("spansAround and what was left out are the whole span, point by point", () => {
  const span = { startMs: 0, endMs: 30_000 };
  const loss = fc.tuple(fc.nat(30), fc.nat(10))
    .map(([from, length]): Span => ({ startMs: from * 1000, endMs: (from + length) * 1000 }));
  fc.assert(fc.property(fc.array(loss, { maxLength: 5 }), (lost) => {
    const isIn = (spans: readonly Span[], at: number) =>
      spans.filter(({ startMs, endMs }) => startMs <= at && at <= endMs).length;
    const around = spansAround(span, lost, 1000);
    for (let at = 0; at <= span.endMs; at += 1000) {
      assert.equal(isIn(around, at), isIn(lost, at) > 0 ? 0 : 1);
    }
  }));
});

Deno.test("takenBack finds a cursor that moved back, and a span ahead that is gone", () => {
  const at = (acknowledgedMs: number, ...ahead: Span[]) => ({ acknowledgedMs, ahead });
  const span = { startMs: 50, endMs: 80 };
  assert.equal(takenBack(at(10), at(10)), null);
  assert.equal(takenBack(at(10), at(9)), "from 10 to 9");
  assert.equal(takenBack(at(10, span), at(10, { startMs: 40, endMs: 90 })), null);
  assert.equal(takenBack(at(10, span), at(80)), null);
  // It became part of what lies before it.
  assert.equal(takenBack(at(10, span), at(60, { startMs: 61, endMs: 80 })), null);
  assert.equal(takenBack(at(10, span), at(10)), "50 to 80 is gone");
  assert.equal(takenBack(at(10, span), at(79)), "50 to 80 is gone");
});

Deno.test("parsePosition refuses what is no cursor", () => {
  assert.deepEqual(parsePosition(`{"acknowledgedMs":5}`), { acknowledgedMs: 5, ahead: [] });
  assert.throws(() => parsePosition("{}"), /without acknowledgedMs/);
});
