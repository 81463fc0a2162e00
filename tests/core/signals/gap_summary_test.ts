import assert from "node:assert/strict";
import { makeGap } from "../../../src/core/signals/gap_ledger.ts";
import { summarizeGaps } from "../../../src/core/signals/gap_summary.ts";

const STEP = 15_000;
const gap = (start: number, end: number, reason: Parameters<typeof makeGap>[1]) =>
  makeGap({ startMs: start * STEP, endMs: end * STEP }, reason, "why");

Deno.test("gaps are summed up by reason, with the time for which their points stand", () => {
  assert.deepEqual(
    summarizeGaps([gap(0, 3, "too_large"), gap(9, 9, "warning"), gap(10, 19, "warning")], [], STEP),
    [
      { reason: "too_large", durationMs: 4 * STEP, pending: 0 },
      { reason: "warning", durationMs: 11 * STEP, pending: 0 },
    ],
  );
});

Deno.test("gaps that are in the ledger and open count once, as those that overlap do", () => {
  const open = gap(2, 5, "warning");
  assert.deepEqual(summarizeGaps([gap(0, 3, "warning"), open], [open], STEP), [
    { reason: "warning", durationMs: 6 * STEP, pending: 1 },
  ]);
});

Deno.test("an open gap that is older than what was read of the ledger counts as well", () => {
  assert.deepEqual(summarizeGaps([], [gap(0, 0, "source_error")], STEP), [
    { reason: "source_error", durationMs: STEP, pending: 1 },
  ]);
});

Deno.test("a query without gaps has no summary", () => {
  assert.deepEqual(summarizeGaps([], [], STEP), []);
});
