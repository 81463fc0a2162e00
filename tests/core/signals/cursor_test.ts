import assert from "node:assert/strict";
import fc from "fast-check";
import {
  advanceCursor,
  continueCursor,
  encodeCursor,
  firstCursor,
  nextPoint,
  parseCursor,
} from "../../../src/core/signals/cursor.ts";
import { decodeUtf8 } from "../../../src/core/encoding.ts";
import { StalledError } from "../../../src/errors.ts";

const NOW = Date.parse("2026-11-22T10:00:00Z");
const QUERY = { name: "requests", expr: "sim_requests_total", stepMs: 15_000 };

Deno.test("firstCursor() begins startFrom before now, on the grid", () => {
  const cursor = firstCursor(QUERY, NOW + 7, 300_000);
  assert.equal(nextPoint(cursor), NOW - 300_000);
});

Deno.test("a cursor survives the disk", () => {
  const cursor = firstCursor(QUERY, NOW, 0);
  assert.deepEqual(parseCursor(decodeUtf8(encodeCursor(cursor)), "requests", "x"), cursor);
});

Deno.test("advanceCursor() refuses to move back", () => {
  const cursor = firstCursor(QUERY, NOW, 0);
  assert.equal(advanceCursor(cursor, NOW).acknowledgedMs, NOW);
  assert.throws(() => advanceCursor(cursor, cursor.acknowledgedMs - 1), RangeError);
});

Deno.test("a cursor goes on without a hole when expression or step change", () => {
  fc.assert(fc.property(
    fc.integer({ min: 100, max: 3_600_000 }),
    fc.integer({ min: 100, max: 3_600_000 }),
    (before, after) => {
      const old = firstCursor({ ...QUERY, stepMs: before }, NOW, 0);
      const cursor = continueCursor(old, { ...QUERY, expr: "other", stepMs: after });
      const next = nextPoint(cursor);
      assert.equal(cursor.acknowledgedMs, old.acknowledgedMs);
      assert.notEqual(cursor.exprFingerprint, old.exprFingerprint);
      assert.equal(next % after, 0);
      assert.ok(next > old.acknowledgedMs, "nothing is sent twice");
      assert.ok(next - old.acknowledgedMs <= after, "no point of the new grid is left out");
    },
  ));
});

Deno.test("parseCursor() refuses damage instead of beginning anew", () => {
  const good = decodeUtf8(encodeCursor(firstCursor(QUERY, NOW, 0)));
  const broken = [
    "",
    "{",
    "null",
    "[]",
    good.replace("requests", "other"),
    good.slice(0, 40),
    good.replace(/"acknowledgedMs":\d+/, '"acknowledgedMs":1.5'),
    good.replace("v1", "v9"),
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
