import assert from "node:assert/strict";
import type { AuditEntry } from "../../src/core/audit.ts";
import { InvalidInputError, StalledError, TransientError } from "../../src/errors.ts";
import { SignalsStreamer } from "../../src/loops/signals.ts";
import type { SignalsDeps } from "../../src/loops/signals_ports.ts";
import { createWorld, driveUntil, type World } from "./signals_world.ts";

const STEP = 15_000;
const CONFIG: SignalsDeps["config"] = {
  queries: [{ name: "depth", expr: "sim_queue_depth", step: STEP }],
  window: 60_000,
  settle: 30_000,
  reread: 0,
  backfill: 86_400_000,
  backfillSpeed: 30,
  startFrom: 300_000,
  maxSeries: 1000,
};

interface Run {
  readonly streamer: SignalsStreamer;
  until(done: () => boolean, options?: { turns: number }): Promise<void>;
  stop(): Promise<void>;
}

function start(world: World, deps: SignalsDeps): Run {
  const streamer = new SignalsStreamer(deps);
  const abort = new AbortController();
  const running = streamer.run(abort.signal);
  return {
    streamer,
    until: (done, options) =>
      driveUntil(world.clock, deps.config.queries.length, running, done, options),
    async stop() {
      abort.abort(new DOMException("stopped", "AbortError"));
      await running;
    },
  };
}

function isCaughtUp(run: Run): boolean {
  return run.streamer.lag().every(({ lagMs }) => lagMs !== null && lagMs < 120_000);
}

/** Every point of the source up to the cursor, and no other, is at the receiver. */
function assertComplete(world: World, run: Run, deps: SignalsDeps, firstMs: number): number {
  let points = 0;
  const expected = new Map<string, string>();
  for (const { query, acknowledgedMs } of run.streamer.lag()) {
    const { expr, step } = deps.config.queries.find(({ name }) => name === query)!;
    const truth = world.truth(query, expr, firstMs, acknowledgedMs!, step);
    points += truth.size;
    for (const [key, value] of truth) expected.set(key, value);
  }
  assert.deepEqual(world.receiver.points, expected);
  return points;
}

Deno.test("signals stream every query point by point, a settle delay behind now", async () => {
  await using world = await createWorld();
  const names = ["sim_queue_depth", "sim_requests_total", "sim_latency", "sim_known"];
  const queries = names.map((expr) => ({ name: expr.replaceAll("_", "-"), expr, step: STEP }));
  const deps = world.deps({ ...CONFIG, queries });
  const firstMs = world.clock.now() - CONFIG.startFrom;
  const run = start(world, deps);
  const untilMs = world.clock.now() + 600_000;
  await run.until(() =>
    run.streamer.lag().every(({ acknowledgedMs }) => acknowledgedMs! > untilMs)
  );
  await run.stop();
  assert.ok(assertComplete(world, run, deps, firstMs) > 500);
  for (const { lagMs } of run.streamer.lag()) {
    assert.ok(lagMs! >= CONFIG.settle && lagMs! <= CONFIG.settle + CONFIG.window + 20_000);
  }
  assert.equal(world.health.get("signals")?.state, "ok");
  assert.equal(world.health.get("signals/sim-known")?.state, "ok");
  assert.equal(world.receiver.gaps.size, 0);
});

Deno.test("signals make good an outage of the receiver, and of the source", async () => {
  await using world = await createWorld();
  const deps = world.deps(CONFIG);
  const firstMs = world.clock.now() - CONFIG.startFrom;
  const run = start(world, deps);
  await run.until(() => world.receiver.batches.length >= 5);

  let outage = true;
  world.receiver.onSend = () => {
    if (outage) throw new TransientError("unavailable", "down", { retryAfterMs: 20_000 });
  };
  const asked = world.prometheus.queries;
  const backMs = world.clock.now() + 1_200_000;
  await run.until(() => world.clock.now() > backMs);
  assert.equal(world.health.get("signals")?.state, "degraded");
  assert.ok(world.prometheus.queries <= asked + 1, "an outage of the receiver stops the queries");
  outage = false;

  await run.until(() => isCaughtUp(run));
  assert.equal(world.health.get("signals")?.state, "ok");
  world.prometheus.server.faults.answer(503, 7);
  world.prometheus.server.faults.reset(2);
  const laterMs = world.clock.now() + 900_000;
  await run.until(() => run.streamer.lag()[0]!.acknowledgedMs! > laterMs);
  await run.stop();
  assertComplete(world, run, deps, firstMs);
  assert.equal(world.receiver.gaps.size, 0);
});

Deno.test("signals resume from the disk after a restart, however long it took", async () => {
  await using world = await createWorld();
  const deps = world.deps(CONFIG);
  const firstMs = world.clock.now() - CONFIG.startFrom;
  const first = start(world, deps);
  await first.until(() => world.receiver.batches.length >= 3);
  await first.stop();
  world.clock.advance(3 * 3_600_000);
  const second = start(world, deps);
  await second.until(() => isCaughtUp(second));
  await second.stop();
  assertComplete(world, second, deps, firstMs);
});

Deno.test("a first start that never got through begins where it first began", async () => {
  await using world = await createWorld();
  const deps = world.deps(CONFIG);
  const firstMs = world.clock.now() - CONFIG.startFrom;
  await world.prometheus.server.stop();
  const first = start(world, deps);
  await first.until(() => world.clock.now() > firstMs + 3_600_000);
  await first.stop();
  assert.equal(world.receiver.batches.length, 0);
  world.prometheus.server.start();
  const second = start(world, deps);
  await second.until(() => isCaughtUp(second));
  await second.stop();
  assertComplete(world, second, deps, firstMs);
});

Deno.test("signals give up what is older than backfill, as a gap that is sent", async () => {
  await using world = await createWorld();
  const deps = world.deps({ ...CONFIG, backfill: 600_000 });
  const first = start(world, deps);
  await first.until(() => isCaughtUp(first));
  await first.stop();
  const seenMs = first.streamer.lag()[0]!.acknowledgedMs!;
  world.clock.advance(3_600_000);
  const second = start(world, deps);
  await second.until(() => isCaughtUp(second));
  await second.stop();
  const gaps = [...world.receiver.gaps.values()];
  assert.equal(gaps.length, 1);
  const gap = gaps[0]!;
  assert.equal(gap.reason, "beyond_horizon");
  assert.equal(gap.startMs, seenMs + STEP);
  const windows = world.receiver.batches.map(({ window }) => window).toSorted((a, b) =>
    a.startMs - b.startMs
  );
  for (const [index, window] of windows.slice(1).entries()) {
    assert.equal(window.startMs, windows[index]!.endMs + STEP, "batches tile time");
  }
  assert.ok(await Deno.readTextFile(`${world.stateDir}/gaps/depth.jsonl`));
});

Deno.test("a clock stepped forward alone neither acknowledges the future nor gives up the past", async () => {
  await using world = await createWorld();
  const deps = world.deps(CONFIG);
  const firstMs = world.clock.now() - CONFIG.startFrom;
  const source = { ahead: 0 };
  // The agent's clock is stepped; the source keeps the true one.
  const clock = {
    now: () => world.clock.now() + source.ahead,
    monotonic: () => world.clock.monotonic(),
    sleep: (ms: number, signal?: AbortSignal) => world.clock.sleep(ms, signal),
  };
  const stepped = { ...deps, clock };
  const run = start(world, stepped);
  await run.until(() => world.receiver.batches.length >= 5);
  for (const ahead of [400 * 86_400_000, -400 * 86_400_000, 3_600_000]) {
    source.ahead = ahead;
    const untilMs = world.clock.now() + 600_000;
    await run.until(() => world.clock.now() > untilMs);
  }
  assert.equal(world.health.get("signals")?.state, "degraded");
  await run.stop();
  // The same, met by a process that starts while its clock is wrong.
  source.ahead = 400 * 86_400_000;
  const second = start(world, stepped);
  const untilMs = world.clock.now() + 600_000;
  await second.until(() => world.clock.now() > untilMs);
  source.ahead = 0;
  await second.until(() => isCaughtUp(second));
  await second.stop();
  assertComplete(world, second, deps, firstMs);
  assert.equal(world.receiver.gaps.size, 0);
});

Deno.test("a window that is too much is halved until it fits, and nothing is missing", async () => {
  await using world = await createWorld();
  const deps = world.deps({
    ...CONFIG,
    queries: [{ name: "wide", expr: "sim_wide", step: 1000 }],
    startFrom: 160_000,
  });
  world.prometheus.settings.maxSamples = 64 * 7;
  const firstMs = world.clock.now() - 160_000;
  const run = start(world, deps);
  await run.until(() => isCaughtUp(run));
  await run.stop();
  assertComplete(world, run, deps, firstMs);
  assert.ok(world.prometheus.queries < world.receiver.batches.length * 1.5, "refusals stay few");
});

Deno.test("one point that is too large becomes a gap", async () => {
  await using world = await createWorld({ maxResponseBytes: 1500 });
  const deps = world.deps({ ...CONFIG, queries: [{ name: "wide", expr: "sim_wide", step: STEP }] });
  const run = start(world, deps);
  await run.until(() => world.receiver.gaps.size >= 3);
  await run.stop();
  const gaps = [...world.receiver.gaps.values()];
  assert.ok(
    gaps.every(({ reason, startMs, endMs }) => reason === "too_large" && startMs === endMs),
  );
  assert.equal(world.receiver.points.size, 0);
});

Deno.test("a query that Prometheus refuses becomes a gap, degrades health and does not spin", async () => {
  await using world = await createWorld();
  const deps = world.deps({ ...CONFIG, queries: [{ name: "bad", expr: "sum(((", step: STEP }] });
  const run = start(world, deps);
  const beganMs = world.clock.now();
  await run.until(() => world.clock.now() > beganMs + 1_800_000);
  assert.equal(world.health.get("signals")?.state, "degraded");
  assert.match(world.health.get("signals")!.reason, /parse error/);
  await run.stop();
  const gaps = [...world.receiver.gaps.values()];
  assert.ok(gaps.length > 0 && gaps.every(({ reason }) => reason === "source_error"));
  assert.ok(world.prometheus.queries < 200);
});

Deno.test("data that come with a warning are sent, and marked", async () => {
  await using world = await createWorld();
  const deps = world.deps(CONFIG);
  world.prometheus.settings.warnings = ["store 3 did not answer"];
  const firstMs = world.clock.now() - CONFIG.startFrom;
  const run = start(world, deps);
  await run.until(() => isCaughtUp(run));
  await run.stop();
  assertComplete(world, run, deps, firstMs);
  for (const { window, gaps } of world.receiver.batches) {
    const { startMs, endMs } = window;
    const detail = "store 3 did not answer";
    assert.deepEqual(gaps, [{ startMs, endMs, reason: "warning", detail }]);
  }
});

Deno.test("a partial result is sent, and marked as cut short; infos and statistics mean nothing", async () => {
  await using world = await createWorld();
  const deps = world.deps(CONFIG);
  world.prometheus.settings.extras = { infos: ["is it a counter?"], stats: { seriesFetched: "8" } };
  const firstMs = world.clock.now() - CONFIG.startFrom;
  const run = start(world, deps);
  await run.until(() => world.receiver.batches.length >= 3);
  assert.equal(world.receiver.gaps.size, 0);
  const marked = world.receiver.batches.length;
  world.prometheus.settings.extras = { isPartial: true };
  await run.until(() => world.receiver.batches.length >= marked + 3);
  await run.stop();
  assertComplete(world, run, deps, firstMs);
  const { window, gaps } = world.receiver.batches[marked + 1]!;
  const detail = "the source marked the result as partial";
  const { startMs, endMs } = window;
  assert.deepEqual(gaps, [{ startMs, endMs, reason: "truncated", detail }]);
});

Deno.test("an agent-mode server stalls the query and loses nothing", async () => {
  await using world = await createWorld();
  const deps = world.deps(CONFIG);
  const firstMs = world.clock.now() - CONFIG.startFrom;
  world.prometheus.settings.agentMode = true;
  const run = start(world, deps);
  await run.until(() => world.health.get("signals")?.state === "stalled");
  assert.match(world.health.get("signals")!.reason, /agent mode/);
  world.prometheus.settings.agentMode = false;
  await run.until(() => isCaughtUp(run));
  await run.stop();
  assertComplete(world, run, deps, firstMs);
});

Deno.test("what the receiver will never take is isolated, quarantined and recorded; the rest arrives", async () => {
  await using world = await createWorld();
  const deps = world.deps({ ...CONFIG, queries: [{ name: "wide", expr: "sim_wide", step: STEP }] });
  const firstMs = world.clock.now() - CONFIG.startFrom;
  const poison = { n: "17", timeMs: firstMs + 5 * STEP };
  world.receiver.onSend = (batch, taken) => {
    if (taken) return;
    const index = (poison.timeMs - batch.window.startMs) / STEP;
    if (
      batch.series.some(({ labels, values }) =>
        labels["n"] === poison.n && typeof values[index] === "number"
      )
    ) {
      throw new InvalidInputError("malformed_request", "422: sample out of range");
    }
  };
  const run = start(world, deps);
  await run.until(() => world.receiver.batches.length > 20);
  await run.stop();
  const acknowledgedMs = run.streamer.lag()[0]!.acknowledgedMs!;
  const truth = world.truth("wide", "sim_wide", firstMs, acknowledgedMs, STEP);
  const missing = [...truth.keys()].filter((key) => !world.receiver.points.has(key));
  assert.equal(missing.length, 1);
  assert.ok(missing[0]!.includes('"17"') && missing[0]!.includes(String(poison.timeMs)));
  const gaps = [...world.receiver.gaps.values()];
  assert.equal(gaps.length, 1);
  assert.equal(gaps[0]!.reason, "rejected_by_receiver");
  assert.deepEqual([gaps[0]!.startMs, gaps[0]!.endMs], [poison.timeMs, poison.timeMs]);
  const kept = [...Deno.readDirSync(`${world.stateDir}/quarantine`)].map(({ name }) => name);
  assert.equal(kept.length, 1);
  assert.ok(gaps[0]!.detail.includes(kept[0]!));
});

Deno.test("a window of several batches is acknowledged only when all of them are", async () => {
  await using world = await createWorld({ batchBytes: 500 });
  const deps = world.deps({ ...CONFIG, queries: [{ name: "wide", expr: "sim_wide", step: STEP }] });
  const firstMs = world.clock.now() - CONFIG.startFrom;
  let outage = false;
  world.receiver.onSend = (batch, taken) => {
    if (batch.series.some(({ labels }) => labels["n"] === "40") && !taken && outage) {
      throw new TransientError("unavailable", "down");
    }
  };
  const run = start(world, deps);
  await run.until(() => world.receiver.batches.length > 50);
  outage = true;
  await run.until(() => world.health.get("signals")?.state === "degraded");
  const heldMs = run.streamer.lag()[0]!.acknowledgedMs!;
  const asked = world.prometheus.queries;
  const backMs = world.clock.now() + 600_000;
  await run.until(() => world.clock.now() > backMs);
  assert.equal(run.streamer.lag()[0]!.acknowledgedMs, heldMs);
  assert.equal(world.prometheus.queries, asked, "what is packed is not asked for again");
  await run.stop();
  // What was sent of the window before the restart is sent again, as the very same batches.
  outage = false;
  const second = start(world, deps);
  await second.until(() => isCaughtUp(second));
  await second.stop();
  assertComplete(world, second, deps, firstMs);
  const { startMs } = world.receiver.batches.at(-1)!.window;
  assert.ok(world.receiver.batches.filter(({ window }) => window.startMs === startMs).length > 5);
  assert.equal(
    new Set(world.receiver.batches.map(({ batchId }) => batchId)).size,
    world.receiver.batches.length,
  );
});

Deno.test("a window that is too large even compressed is halved, and a single point becomes a gap", async () => {
  await using world = await createWorld({ batchBytes: 500, maxWindowBytes: 2500 });
  const queries = [{ name: "wide", expr: "sim_wide", step: 1000 }];
  const deps = world.deps({ ...CONFIG, queries, startFrom: 160_000 });
  const firstMs = world.clock.now() - 160_000;
  const run = start(world, deps);
  await run.until(() => isCaughtUp(run));
  await run.stop();
  assertComplete(world, run, deps, firstMs);

  await using small = await createWorld({ maxWindowBytes: 100 });
  const second = start(small, small.deps({ ...CONFIG, queries: deps.config.queries }));
  await second.until(() => small.receiver.gaps.size >= 3);
  await second.stop();
  const gaps = [...small.receiver.gaps.values()];
  assert.ok(
    gaps.every(({ reason, startMs, endMs }) => reason === "too_large" && startMs === endMs),
  );
  assert.equal(small.receiver.points.size, 0);
});

Deno.test("a receiver that refuses everything stalls the query instead of draining it into quarantine", async () => {
  await using world = await createWorld();
  const deps = world.deps(CONFIG);
  const firstMs = world.clock.now() - CONFIG.startFrom;
  let broken = true;
  let sends = 0;
  world.receiver.onSend = () => {
    sends += 1;
    if (broken) throw new InvalidInputError("malformed_request", "400");
  };
  const run = start(world, deps);
  await run.until(() => world.health.get("signals")?.state === "stalled");
  const untilMs = world.clock.now() + 3_600_000;
  await run.until(() => world.clock.now() > untilMs);
  assert.ok(sends < 400);
  const acknowledgedMs = run.streamer.lag()[0]!.acknowledgedMs!;
  assert.equal(acknowledgedMs, firstMs - STEP, "nothing was passed over");
  broken = false;
  await run.until(() => isCaughtUp(run));
  await run.stop();
  assert.ok(
    [...world.receiver.gaps.values()].every(({ reason }) => reason === "rejected_by_receiver"),
  );
});

Deno.test("a damaged cursor stalls its query alone, and works again once it is mended", async () => {
  await using world = await createWorld();
  const queries = [...CONFIG.queries, { name: "known", expr: "sim_known", step: STEP }];
  const deps = world.deps({ ...CONFIG, queries });
  await Deno.mkdir(`${world.stateDir}/cursors`);
  await Deno.writeTextFile(`${world.stateDir}/cursors/depth.json`, '{"schema":"neuralops');
  const run = start(world, deps);
  await run.until(() => world.receiver.batches.length >= 3, { turns: 20 });
  assert.ok(world.receiver.batches.every(({ query }) => query.name === "known"));
  assert.equal(world.health.get("signals/depth")?.state, "stalled");
  assert.match(world.health.get("signals/depth")!.reason, /state_damaged.*delete it/);
  assert.equal(world.health.get("signals")?.state, "stalled");
  await Deno.remove(`${world.stateDir}/cursors/depth.json`);
  const isMended = () => world.receiver.batches.some(({ query }) => query.name === "depth");
  await run.until(isMended, { turns: 20 });
  await run.stop();
});

Deno.test("a full disk holds the cursor back and repeats nothing; each gap is audited", async () => {
  await using world = await createWorld();
  const audited: AuditEntry[] = [];
  const deps = world.deps({ ...CONFIG, maxSeries: 1 });
  const asked: number[] = [];
  const run = start(world, {
    ...deps,
    cursors: {
      load: (query) => deps.cursors.load(query),
      save(cursor) {
        const isFull = world.receiver.batches.length >= 2 && asked.length < 3;
        if (!isFull) return deps.cursors.save(cursor);
        asked.push(world.prometheus.queries);
        return Promise.reject(new TransientError("disk_full", "no space left"));
      },
    },
    audit: {
      record(entry) {
        audited.push(entry);
        return Promise.resolve({ sequence: audited.length, hash: "" });
      },
    },
  });
  await run.until(() => asked.length === 1);
  assert.match(world.health.get("signals")!.reason, /disk_full/);
  await run.until(() => world.receiver.batches.length > 2);
  await run.stop();
  assert.ok(asked[2]! <= asked[0]! + 1, "a full disk asks for nothing, but by the other lane");
  assert.ok(audited.length >= world.receiver.gaps.size);
  assert.deepEqual(audited[0]!.type, "signals.gap");
  const { detail: _, ...gap } = world.receiver.gapsOf("depth")[0]!;
  assert.deepEqual(audited[0]!.data, gap);
});

Deno.test("a stalled receiver is left in peace and tried again", async () => {
  await using world = await createWorld();
  const deps = world.deps(CONFIG);
  let refusals = 0;
  world.receiver.onSend = (_, taken) => {
    if (!taken && refusals++ < 3) throw new StalledError("access_denied", "403");
  };
  const run = start(world, deps);
  await run.until(() => world.health.get("signals")?.state === "stalled");
  await run.until(() => world.receiver.batches.length >= 2);
  await run.stop();
  assert.equal(world.health.get("signals")?.state, "ok");
});

Deno.test("a changed step goes on without a hole", async () => {
  await using world = await createWorld();
  const first = start(world, world.deps(CONFIG));
  await first.until(() => isCaughtUp(first));
  await first.stop();
  const beforeMs = first.streamer.lag()[0]!.acknowledgedMs!;
  const queries = [{ name: "depth", expr: "sim_queue_depth", step: 7000 }];
  const second = start(world, world.deps({ ...CONFIG, queries }));
  const count = world.receiver.batches.length;
  await second.until(() => world.receiver.batches.length > count);
  await second.stop();
  const { window } = world.receiver.batches[count]!;
  assert.equal(window.startMs, Math.floor(beforeMs / 7000) * 7000 + 7000);
});

Deno.test("no queries: the part is off and the run ends", async () => {
  await using world = await createWorld();
  const streamer = new SignalsStreamer(world.deps({ ...CONFIG, queries: [] }));
  await streamer.run(new AbortController().signal);
  assert.equal(world.health.get("signals")?.state, "off");
  assert.deepEqual(streamer.lag(), []);
});

Deno.test("a bug in one query ends the run with that bug", async () => {
  await using world = await createWorld();
  const deps = world.deps(CONFIG);
  const bug = new TypeError("x is not a function");
  const source = { queryRange: () => Promise.reject(bug) };
  await assert.rejects(
    new SignalsStreamer({ ...deps, source }).run(new AbortController().signal),
    bug,
  );
});
