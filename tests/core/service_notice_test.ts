import assert from "node:assert/strict";
import type { PartHealth } from "../../src/core/health.ts";
import { statusNotice, watchdogIntervalMs } from "../../src/core/service_notice.ts";

const part = (name: string, state: PartHealth["state"]): PartHealth => ({
  name,
  state,
  reason: "a reason\nREADY=1",
  sinceMs: 0,
  lastSuccessMs: null,
});

Deno.test("a status names the parts that are not well, on one line and without their reasons", () => {
  const parts = [part("audit", "ok"), part("journal", "off"), part("vault", "degraded")];
  assert.equal(
    statusNotice([...parts, part("x", "stalled"), part("y", "starting")]),
    "STATUS=vault degraded, x stalled, y starting",
  );
  assert.equal(statusNotice(parts.slice(0, 2)), "STATUS=All parts are well");
  assert.equal(statusNotice([]), "STATUS=Starting");
});

Deno.test("a watchdog is told twice in its time", () => {
  assert.equal(watchdogIntervalMs("60000000"), 30_000);
  assert.equal(watchdogIntervalMs("1"), 1);
});

Deno.test("no watchdog is served when its time is missing or no number", () => {
  for (const text of [undefined, "", "0", "-5", "1e6", "60s", "9".repeat(17)]) {
    assert.equal(watchdogIntervalMs(text), Infinity, String(text));
  }
});
