import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeGaps, makeGap, parseLedgerTail } from "../../../src/core/signals/gap_ledger.ts";
import { StalledError } from "../../../src/errors.ts";

const GAPS = [
  makeGap({ startMs: 0, endMs: 1000 }, "beyond_horizon", "older than\nallowed"),
  makeGap({ startMs: 2000, endMs: 2000 }, "warning", "ünïcödé"),
];

Deno.test("parseLedgerTail() reads back what was written, minus a torn end", () => {
  const bytes = encodeGaps(GAPS);
  const first = encodeGaps(GAPS.slice(0, 1)).length;
  fc.assert(fc.property(fc.integer({ min: 0, max: bytes.length }), (length) => {
    const { gaps, tornBytes } = parseLedgerTail(bytes.subarray(0, length), false, "x");
    const whole = length === bytes.length ? 2 : length >= first ? 1 : 0;
    assert.deepEqual(gaps, GAPS.slice(0, whole));
    assert.equal(tornBytes, length - [0, first, bytes.length][whole]!);
  }));
});

Deno.test("parseLedgerTail() leaves out the line that its beginning cuts", () => {
  const { gaps } = parseLedgerTail(encodeGaps(GAPS).subarray(5), true, "x");
  assert.deepEqual(gaps, GAPS.slice(1));
});

Deno.test("parseLedgerTail() refuses a whole line that is damaged", () => {
  const bytes = encodeGaps(GAPS);
  bytes[3] = 0x7b;
  assert.throws(
    () => parseLedgerTail(bytes, false, "/state/gaps/q.jsonl"),
    (error) => error instanceof StalledError && error.code === "state_damaged",
  );
});

Deno.test("makeGap() bounds what a peer's text can add", () => {
  const gap = makeGap({ startMs: 0, endMs: 0 }, "source_error", "😀".repeat(2000).slice(1));
  assert.ok(gap.detail.length <= 1000 && gap.detail.isWellFormed());
});
