import assert from "node:assert/strict";
import fc from "fast-check";
import { heartbeatDelayMs } from "../../src/core/heartbeat_schedule.ts";
import { refreshDelayMs } from "../../src/core/refresh_schedule.ts";

const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

Deno.test("heartbeatDelayMs() stays within ten percent of the interval", () => {
  fc.assert(fc.property(fc.integer({ min: 100, max: 3_600_000 }), fraction, (interval, at) => {
    const delay = heartbeatDelayMs(interval, at);
    assert.ok(delay >= Math.floor(interval * 0.9) && delay <= Math.ceil(interval * 1.1));
  }));
});

Deno.test("refreshDelayMs() always comes before the end, and never at once", () => {
  fc.assert(fc.property(fc.integer({ min: 2, max: 86_400_000 }), fraction, (lifetime, at) => {
    const delay = refreshDelayMs(lifetime, at);
    assert.ok(delay >= 1 && delay < lifetime);
  }));
});
