import assert from "node:assert/strict";
import { dailyCost, type MeasuredWindow } from "../../../src/core/signals/daily_cost.ts";
import type { DroppedReason } from "../../../src/core/signals/selection/selection.ts";

function windowOf(
  changes: Partial<MeasuredWindow> & { offered?: number; lost?: number; reason?: DroppedReason },
): MeasuredWindow {
  const { offered = 10, lost = 0, reason = "series_limit", ...rest } = changes;
  const detail = `${lost} of ${offered} series`;
  return {
    selection: {
      offered,
      dropped: new Map(lost > 0 ? [[reason, lost]] : []),
      gaps: () => lost > 0 ? [{ startMs: 0, endMs: 0, reason, detail }] : [],
    },
    points: 40,
    bytes: 500,
    elapsedMs: 20,
    spanMs: 60_000,
    warnings: [],
    ...rest,
  };
}

Deno.test("dailyCost() makes a day of a few windows", () => {
  assert.deepEqual(
    dailyCost([windowOf({}), windowOf({ offered: 12, points: 60, elapsedMs: 40 })]),
    {
      series: 12,
      dropped: 0,
      pointsPerDay: 72_000,
      bytesPerDay: 720_000,
      secondsPerWindow: 0.03,
      notes: [],
      ok: true,
    },
  );
});

Deno.test("dailyCost() says what is left out, of the window that lost most", () => {
  const cost = dailyCost([
    windowOf({ offered: 12, lost: 2 }),
    windowOf({ offered: 15, lost: 5 }),
    windowOf({ offered: 11, lost: 1 }),
  ]);
  assert.deepEqual([cost.series, cost.dropped, cost.ok], [10, 5, false]);
  assert.deepEqual(cost.notes, ["over the cap: 5 of 15 series"]);
  const collided = dailyCost([windowOf({ lost: 1, reason: "label_collision" })]);
  assert.deepEqual(collided.notes, ["labels collide: 1 of 10 series"]);
});

Deno.test("dailyCost() notes warnings once, no data, and a slow source", () => {
  const warnings = ["partial"];
  const cost = dailyCost([
    windowOf({ offered: 0, warnings, elapsedMs: 9000 }),
    windowOf({ offered: 0, warnings, elapsedMs: 9000 }),
  ]);
  assert.deepEqual(cost.notes, [
    "no data",
    "warning: partial",
    "slow: takes 15 % of the time that it covers (windows of 1m)",
  ]);
  assert.equal(cost.ok, true);
});
