import assert from "node:assert/strict";
import { HealthBoard } from "../../src/core/health.ts";
import { StalledError } from "../../src/errors.ts";
import type { PruneOptions } from "../../src/execution/journal.ts";
import { runPruning } from "../../src/loops/pruning.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

const DAY_MS = 86_400_000;

Deno.test("pruning takes out at the start, and every hour, what ended longer ago than it is kept", async () => {
  const clock = new FakeClock();
  const health = new HealthBoard(() => clock.now());
  const events: string[] = [];
  const asked: PruneOptions[] = [];
  const forgotten: string[][] = [];
  let isDamaged = true;
  const abort = new AbortController();
  const running = runPruning({
    clock,
    health,
    logger: { log: (_level: string, event: string) => void events.push(event) },
    journal: {
      async prune(options) {
        asked.push(options);
        if (isDamaged) throw new StalledError("state_damaged", "a record cannot be read");
        await options.beforeRemoval(new Set(["a"]));
        return 1;
      },
    },
    receipts: { forget: (ids) => Promise.resolve(void forgotten.push([...ids])) },
    keepMs: 90 * DAY_MS,
  }, abort.signal);
  await clock.whenSleeping(1);
  assert.equal(health.get("journal")?.state, "degraded");
  assert.deepEqual(events, ["pruning_delayed"]);
  isDamaged = false;
  clock.advance(3_600_000);
  await clock.whenSleeping(1);
  assert.equal(asked.length, 2);
  assert.equal(asked[1]!.nowMs, clock.now());
  assert.equal(asked[1]!.endedBeforeMs, clock.now() - 90 * DAY_MS);
  assert.deepEqual(forgotten, [["a"]]);
  assert.equal(health.get("journal")?.state, "ok");
  assert.deepEqual(events, ["pruning_delayed", "executions_pruned"]);
  abort.abort();
  await running;
});
