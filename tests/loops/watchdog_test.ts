import assert from "node:assert/strict";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import { runWatchdog } from "../../src/loops/watchdog.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

function setUp({ liveness = () => Promise.resolve<string | null>(null), isDeaf = false } = {}) {
  const clock = new FakeClock();
  const told: string[] = [];
  const lines: string[] = [];
  const log = new JsonLogger(clock, (line) => lines.push(line), "info", new SecretMask());
  const stop = new AbortController();
  const running = runWatchdog({
    clock,
    log: () => log,
    liveness,
    parts: () => [],
    tell(...assignments) {
      if (isDeaf) return Promise.reject(new Error("gone"));
      told.push(assignments.join(" "));
      return Promise.resolve();
    },
    intervalMs: 1_000,
  }, stop.signal);
  const end = async () => {
    stop.abort();
    await running;
  };
  return { clock, told, lines, end };
}

Deno.test("the watchdog is told at once, then once an interval, and no more after the end", async () => {
  const { clock, told, end } = setUp();
  await clock.whenSleeping();
  assert.deepEqual(told, ["WATCHDOG=1 STATUS=Starting"]);
  clock.advance(999);
  assert.equal(clock.sleeping, 1);
  clock.advance(1);
  await clock.whenSleeping();
  assert.equal(told.length, 2);
  await end();
  assert.equal(told.length, 2);
});

Deno.test("the watchdog hears nothing while something is stuck, the log does, and then it goes on", async () => {
  let stuck: string | null = "the disk has not answered";
  const { clock, told, lines, end } = setUp({ liveness: () => Promise.resolve(stuck) });
  await clock.whenSleeping();
  assert.deepEqual(told, []);
  assert.match(
    lines.join(),
    /"level":"error","event":"stuck","reason":"the disk has not answered"/,
  );
  stuck = null;
  clock.advance(1_000);
  await clock.whenSleeping();
  assert.equal(told.length, 1);
  await end();
});

Deno.test("a service manager that is gone is logged, and tried again", async () => {
  const { clock, lines, end } = setUp({ isDeaf: true });
  await clock.whenSleeping();
  clock.advance(1_000);
  await clock.whenSleeping();
  assert.equal(lines.filter((line) => line.includes("service_manager_not_told")).length, 2);
  await end();
});
