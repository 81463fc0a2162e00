import assert from "node:assert/strict";
import type { SignalsSource } from "../../src/core/signals/range_answer.ts";
import type { Window } from "../../src/core/signals/windows.ts";
import { InvalidInputError, StalledError, TransientError } from "../../src/errors.ts";
import { SignalsStreamer } from "../../src/loops/signals.ts";
import type { SignalsDeps } from "../../src/loops/signals_ports.ts";
import { createWorld, driveUntil, type World } from "./signals_world.ts";

const STEP = 60_000;
const WINDOW = 600_000;
const DAY = 86_400_000;
const CONFIG: SignalsDeps["config"] = {
  queries: [{ name: "depth", expr: "sim_queue_depth", step: STEP }],
  window: WINDOW,
  settle: 30_000,
  reread: 0,
  backfill: 2 * DAY,
  backfillSpeed: 30,
  startFrom: DAY,
  maxSeries: 1000,
};

function start(world: World, deps: SignalsDeps, { lanes = 2, stepMs = 5000 } = {}) {
  const streamer = new SignalsStreamer(deps);
  const abort = new AbortController();
  const running = streamer.run(abort.signal);
  const lag = () => streamer.lag()[0]!;
  return {
    lag,
    until: (done: () => boolean) => driveUntil(world.clock, 1, running, done, { lanes, stepMs }),
    async pass(ms: number) {
      const untilMs = world.clock.monotonic() + ms;
      await this.until(() => world.clock.monotonic() >= untilMs);
    },
    isFilled: () => lag().backfill?.pendingMs === 0,
    async stop() {
      abort.abort(new DOMException("stopped", "AbortError"));
      await running;
    },
  };
}

/** A source of which each answer can be looked at, refused or changed by the test. */
function spied(source: SignalsSource, onAsk: (window: Window) => void): SignalsSource {
  return {
    async queryRange(query, handler, signal) {
      onAsk(query.window);
      return await source.queryRange(query, handler, signal);
    },
  };
}

function assertTruth(world: World, firstMs: number, untilMs: number): void {
  const truth = world.truth("depth", "sim_queue_depth", firstMs, untilMs, STEP);
  assert.deepEqual(new Map([...world.receiver.points].sort()), new Map([...truth].sort()));
}

async function metric(deps: SignalsDeps, name: string): Promise<number> {
  const text = await deps.metrics.text();
  const line = text.split("\n").find((one) => one.startsWith(`neuralops_connector_${name}{`));
  return Number(line?.split(" ").at(-1));
}

Deno.test("fresh data arrive while the history of a day is being sent, at the speed that is allowed", async () => {
  await using world = await createWorld();
  const deps = world.deps(CONFIG);
  const startedMs = world.clock.now();
  const run = start(world, deps);
  await run.until(() => world.receiver.batches.length >= 3);
  let worstMs = 0;
  let pendingMs = Infinity;
  await run.until(() => {
    const { newestMs, backfill } = run.lag();
    worstMs = Math.max(worstMs, world.clock.now() - newestMs!);
    assert.ok(backfill!.pendingMs <= pendingMs + WINDOW, "history grows less");
    pendingMs = backfill!.pendingMs;
    return world.clock.now() > startedMs + 900_000;
  });
  const { reason, state } = world.health.get("signals/depth")!;
  assert.equal(state, "ok");
  assert.match(reason, /^streaming; 1[5-7]h\d+m of history still to send, about 3\dm\d*s? at 30×$/);
  assert.match(world.health.get("signals")!.reason, /^streaming; one query with up to 1[5-7]h/);
  assert.equal(await metric(deps, "signal_backfill_pending_seconds"), pendingMs / 1000);
  await run.until(run.isFilled);
  const tookMs = world.clock.now() - startedMs;
  assert.ok(tookMs >= DAY / 30 - WINDOW && tookMs < DAY / 30 * 1.2, `${tookMs} ms`);
  assert.ok(worstMs <= CONFIG.settle + WINDOW + 30_000, `fresh data were ${worstMs} ms behind`);
  assert.equal(world.health.get("signals/depth")!.reason, "streaming");
  const { acknowledgedMs, newestMs, lagMs } = run.lag();
  assert.equal(acknowledgedMs, newestMs);
  assert.ok(lagMs! <= CONFIG.settle + WINDOW + 30_000);
  await run.stop();
  assertTruth(world, startedMs - DAY, acknowledgedMs!);
  assert.equal(world.receiver.gaps.size, 0);
  const backfilled = await metric(deps, "signal_backfilled_seconds_total");
  assert.ok(backfilled > 0.9 * DAY / 1000 && backfilled <= DAY / 1000);
  assert.equal(await metric(deps, "signal_newest_timestamp_seconds"), newestMs! / 1000);
});

Deno.test("a span that Prometheus cannot answer holds up history alone, and is filled in once it can", async () => {
  await using world = await createWorld();
  const deps = world.deps({ ...CONFIG, startFrom: 7_200_000 });
  const startedMs = world.clock.now();
  let isBroken = true;
  const brokenMs = startedMs - 3_600_000;
  const source = spied(deps.source, ({ startMs, endMs }) => {
    if (isBroken && startMs <= brokenMs && brokenMs <= endMs) {
      throw new TransientError("unavailable", "a block is damaged");
    }
  });
  const run = start(world, { ...deps, source });
  await run.pass(3_600_000);
  const { newestMs, backfill } = run.lag();
  assert.ok(world.clock.now() - newestMs! <= CONFIG.settle + WINDOW + 30_000);
  assert.ok(backfill!.oldestMs! <= brokenMs && backfill!.oldestMs! > brokenMs - WINDOW);
  assert.match(world.health.get("signals/depth")!.reason, /^history: .*a block is damaged/);
  assert.equal(world.health.get("signals/depth")!.state, "degraded");
  isBroken = false;
  await run.until(run.isFilled);
  await run.stop();
  assertTruth(world, startedMs - 7_200_000, run.lag().acknowledgedMs!);
  assert.equal(world.receiver.gaps.size, 0);
});

Deno.test("a receiver that takes points in order only gets them the oldest first, in one lane", async () => {
  await using world = await createWorld();
  const deps = world.deps({ ...CONFIG, startFrom: 7_200_000 });
  const { sink } = deps;
  const ordered = {
    ...deps,
    sink: {
      inOrderOnly: true,
      pack: sink.pack.bind(sink),
      send: sink.send.bind(sink),
    },
  };
  const startedMs = world.clock.now();
  const run = start(world, ordered, { lanes: 1 });
  await run.until(() => run.lag().backfill !== null && run.isFilled());
  assert.ok(world.clock.now() - startedMs >= 7_200_000 / 30 - WINDOW, "history is throttled");
  await run.pass(3_600_000);
  await run.stop();
  const starts = world.receiver.batches.map(({ window }) => window.startMs);
  assert.deepEqual(starts, starts.toSorted((a, b) => a - b));
  assertTruth(world, startedMs - 7_200_000, run.lag().acknowledgedMs!);
  assert.throws(
    () => new SignalsStreamer({ ...ordered, config: { ...CONFIG, reread: 60_000 } }),
    (error) => error instanceof StalledError && error.code === "config_invalid",
  );
});

const REREAD: SignalsDeps["config"] = { ...CONFIG, startFrom: 0, reread: 900_000 };

/** Renames a label's value in what the source answers from some time on: late samples, as it were. */
function late(source: SignalsSource, isLate: (window: Window) => boolean): SignalsSource {
  return {
    queryRange(query, handler, signal) {
      if (!isLate(query.window)) return source.queryRange(query, handler, signal);
      const begin: typeof handler.begin = (labels) =>
        handler.begin(labels.map(([name, value]) => [name, value.replace("checkout", "late")]));
      const bound = {
        begin,
        float: handler.float.bind(handler),
        histogram: handler.histogram.bind(handler),
        end: handler.end.bind(handler),
        drain: handler.drain.bind(handler),
      };
      return source.queryRange(query, bound, signal);
    },
  };
}

Deno.test("each window is asked once more, and sent again only where late samples changed it", async () => {
  await using world = await createWorld();
  const deps = world.deps(REREAD);
  const asked = new Map<number, number[]>();
  const isSecond = ({ startMs }: Window) => asked.get(startMs)!.length > 1;
  let changedMs = Infinity;
  const source = late(
    spied(deps.source, () => {}),
    (window) => {
      const times = asked.get(window.startMs) ?? [];
      asked.set(window.startMs, [...times, world.clock.now()]);
      if (isSecond(window)) changedMs = Math.min(changedMs, window.startMs);
      return window.startMs === changedMs;
    },
  );
  const run = start(world, { ...deps, source }, { lanes: 3 });
  await run.pass(2 * 3_600_000);
  await run.stop();
  const isChanged = (series: { labels: Record<string, string> }[]) =>
    series.some(({ labels }) => labels["job"] === "late");
  const sent = world.receiver.batches.filter(({ series }) => isChanged(series));
  assert.deepEqual(sent.map(({ window }) => window.startMs), [changedMs]);
  let again = 0;
  for (const [startMs, times] of asked) {
    const endMs = startMs + WINDOW - STEP;
    const dueForMs = world.clock.now() - endMs - REREAD.reread;
    // Within the last half minute it may have been asked or not.
    if (Math.abs(dueForMs) > 30_000) assert.equal(times.length, dueForMs > 0 ? 2 : 1);
    if (times.length > 1) assert.ok(times[1]! >= endMs + REREAD.reread);
    again += times.length - 1;
  }
  const starts = world.receiver.batches.map(({ window }) => window.startMs);
  assert.equal(starts.length, new Set(starts).size + 1, "what did not change was not sent");
  assert.ok(again > 5);
  const text = await deps.metrics.text();
  assert.match(text, /signal_rereads_total\{query="depth",result="sent"\} 1\n/);
  assert.ok(text.includes(`signal_rereads_total{query="depth",result="unchanged"} ${again - 1}\n`));
});

Deno.test("after a restart a window is sent once more under its old id; what is refused or warned is dropped", async () => {
  await using world = await createWorld();
  const deps = world.deps(REREAD);
  const first = start(world, deps, { lanes: 3 });
  await first.until(() => world.receiver.batches.length === 2);
  await first.stop();
  const known = world.receiver.batches.map(({ batchId }) => batchId);
  const sends: string[] = [];
  world.receiver.onSend = ({ batchId }, taken) => {
    if (taken) return;
    sends.push(batchId);
    if (batchId === known[0]) throw new InvalidInputError("malformed_request", "too old");
  };
  const second = start(world, deps, { lanes: 3 });
  await second.until(() => sends.includes(known[1]!));
  assert.deepEqual(sends.filter((id) => known.includes(id)), known, "each once");
  assert.equal(world.receiver.gaps.size, 0, "what was acknowledged stays so");
  // Warned, and so perhaps less than what was sent.
  world.prometheus.settings.warnings = ["half a store is gone"];
  await second.pass(2 * REREAD.reread);
  await second.stop();
  const text = await deps.metrics.text();
  assert.match(text, /signal_rereads_total\{query="depth",result="sent"\} 1\n/);
  assert.match(text, /signal_rereads_total\{query="depth",result="dropped"\} [34]\n/);
  assert.equal(sends.length, new Set(sends).size);
  assert.ok([...world.receiver.gaps.values()].every(({ reason }) => reason === "warning"));
});
