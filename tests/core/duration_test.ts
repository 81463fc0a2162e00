import assert from "node:assert/strict";
import fc from "fast-check";
import { formatDuration, parseDuration } from "../../src/core/duration.ts";

Deno.test("parseDuration reads what Prometheus and Kubernetes users write", () => {
  const cases: [string, number | null][] = [
    ["250ms", 250],
    ["90s", 90_000],
    ["5m", 300_000],
    ["1h30m", 5_400_000],
    ["7d", 604_800_000],
    ["0s", 0],
    ["1m30s250ms", 90_250],
    ["", null],
    ["5", null],
    ["5 m", null],
    ["-5m", null],
    ["1.5h", null],
    ["5w", null],
    ["m", null],
    ["5m ", null],
    ["9999999999999d", null],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text);
});

Deno.test("formatDuration names the two largest units", () => {
  const cases: [number, string][] = [
    [0, "0ms"],
    [-5, "0ms"],
    [999, "999ms"],
    [1000, "1s"],
    [61_500, "1m1s"],
    [3_600_000, "1h"],
    [93_784_000, "1d2h"],
    [86_400_000 + 5_000, "1d5s"],
  ];
  for (const [ms, text] of cases) assert.equal(formatDuration(ms), text);
});

Deno.test("parseDuration reads what formatDuration wrote, never rounded up", () => {
  fc.assert(fc.property(fc.nat(10 ** 12), (ms) => {
    const back = parseDuration(formatDuration(ms))!;
    assert.ok(back <= ms && back > ms * 0.9 - 1000, `${ms} → ${back}`);
  }));
});
