import assert from "node:assert/strict";
import { coveredMs } from "../../scripts/bench/against_calls.ts";
import { quantile, ratioOf, spreadOf } from "../../scripts/bench/statistics.ts";

Deno.test("quantile is a value that was measured, by its nearest rank", () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  assert.equal(quantile(values, 0.5), 100);
  assert.equal(quantile(values, 0.99), 198);
  assert.equal(quantile(values, 0), 1);
  assert.equal(quantile([7], 0.99), 7);
});

Deno.test("quantile of nothing is refused", () => {
  assert.throws(() => quantile([], 0.5), RangeError);
});

Deno.test("ratioOf sets p50 against p50 and p99 against p99", () => {
  assert.deepEqual(ratioOf(spreadOf([2, 4, 30]), spreadOf([1, 2, 10])), { p50: 2, p99: 3 });
});

Deno.test("coveredMs counts calls that overlap once", () => {
  const spans = [
    { beginMs: 4, endMs: 6 },
    { beginMs: 0, endMs: 3 },
    { beginMs: 1, endMs: 2 },
    { beginMs: 5, endMs: 9 },
  ];
  assert.equal(coveredMs(spans), 8);
  assert.equal(coveredMs([]), 0);
});
