import assert from "node:assert/strict";
import fc from "fast-check";
import { Throttle } from "../../src/loops/signals_throttle.ts";

Deno.test("Throttle lets no more than its speed through, give or take a second and the last window", () => {
  const windows = fc.array(
    fc.record({ waitMs: fc.nat({ max: 5000 }), durationMs: fc.integer({ min: 1, max: 600_000 }) }),
    { maxLength: 50 },
  );
  fc.assert(fc.property(windows, fc.integer({ min: 2, max: 1000 }), (story, speed) => {
    let nowMs = 0;
    const throttle = new Throttle({ monotonic: () => nowMs }, speed);
    let sentMs = 0;
    for (const { waitMs, durationMs } of story) {
      nowMs += waitMs;
      if (throttle.leftMs > 0) continue;
      assert.ok(sentMs <= (nowMs + 1000) * speed + 1, `${sentMs} ms of data in ${nowMs} ms`);
      throttle.begin(durationMs);
      sentMs += durationMs;
    }
  }));
});

Deno.test("Throttle reaches its speed with windows that are shorter than what a timer can tell", () => {
  let nowMs = 0;
  const throttle = new Throttle({ monotonic: () => nowMs }, 30);
  let sentMs = 0;
  for (; nowMs < 60_000; nowMs += 100) {
    while (throttle.leftMs === 0) {
      throttle.begin(1000);
      sentMs += 1000;
    }
  }
  assert.ok(sentMs >= 60_000 * 30 && sentMs <= 61_200 * 30, String(sentMs));
});
