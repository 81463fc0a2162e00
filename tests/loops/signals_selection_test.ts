import assert from "node:assert/strict";
import type { SignalsDeps } from "../../src/loops/signals_ports.ts";
import { SignalsStreamer } from "../../src/loops/signals.ts";
import { createWorld, driveUntil, type World } from "./signals_world.ts";

type Query = SignalsDeps["config"]["queries"][number];

const STEP = 15_000;
const ALL_WINDOWS = 6;

async function stream(
  world: World,
  query: Query,
  changes: Partial<SignalsDeps> = {},
  reread = 0,
): Promise<SignalsDeps> {
  const config: SignalsDeps["config"] = {
    queries: [query],
    window: 60_000,
    settle: 30_000,
    reread,
    backfillSpeed: 30,
    backfill: 86_400_000,
    startFrom: 300_000,
    maxSeries: 1000,
  };
  const deps = { ...world.deps(config), ...changes };
  const abort = new AbortController();
  const running = new SignalsStreamer(deps).run(abort.signal);
  const enoughMs = world.clock.monotonic() + 20 * reread;
  const done = () =>
    world.receiver.batches.length >= ALL_WINDOWS && world.clock.monotonic() >= enoughMs;
  await driveUntil(world.clock, 1, running, done, { lanes: reread > 0 ? 3 : 2 });
  abort.abort(new DOMException("stopped", "AbortError"));
  await running;
  return deps;
}

/** Label sets that arrived, in each batch. */
function arrived(world: World): Set<string>[] {
  return world.receiver.batches.map(({ series }) =>
    new Set(series.map(({ labels }) => JSON.stringify(labels)))
  );
}

async function metric(
  deps: SignalsDeps,
  label: string,
  name = "signal_series_dropped_total",
): Promise<number> {
  const line = (await deps.metrics.text()).split("\n").find((line) =>
    line.startsWith(`neuralops_connector_${name}`) && line.includes(label)
  );
  return Number(line?.split(" ").at(-1) ?? 0);
}

Deno.test("a query of several selectors streams their union, each series once", async () => {
  await using world = await createWorld();
  const match = ['sim_requests_total{code="200"}', '{__name__=~"sim_req.+",instance="a"}'];
  await stream(world, { name: "union", expr: "match[]=…", match, step: STEP });
  for (const series of arrived(world)) assert.equal(series.size, 3);
  for (const { query, series } of world.receiver.batches) {
    assert.equal(query.expr, "match[]=…");
    assert.equal(series.length, 3, "no series comes twice");
  }
  assert.equal(world.receiver.gaps.size, 0);
});

Deno.test("a query of several selectors has the doubts about all of them, once", async () => {
  await using world = await createWorld();
  world.prometheus.settings.warnings = ["store 3 did not answer"];
  const match = ["sim_known", "sim_queue_depth"];
  await stream(world, { name: "union", expr: "match[]=…", match, step: STEP });
  for (const { gaps } of world.receiver.batches) {
    assert.deepEqual(gaps.map(({ detail }) => detail), ["store 3 did not answer"]);
  }
});

Deno.test("series beyond the cap are left out, counted, and recorded beside the data", async () => {
  await using world = await createWorld();
  const deps = await stream(world, { name: "wide", expr: "sim_wide", step: STEP, maxSeries: 10 });
  const [first, ...others] = arrived(world);
  assert.equal(first!.size, 10);
  for (const series of others) assert.deepEqual(series, first, "who is in stays in");
  for (const { window, gaps } of world.receiver.batches) {
    const [gap, ...more] = gaps;
    assert.deepEqual(more, []);
    assert.deepEqual([gap!.startMs, gap!.endMs], [window.startMs, window.endMs]);
    assert.equal(gap!.reason, "series_limit");
    assert.match(
      gap!.detail,
      /^54 of 64 series beyond maxSeries 10, e\.g\. \{__name__="sim_wide", n="/,
    );
  }
  assert.ok(await metric(deps, "series_limit") >= 54 * ALL_WINDOWS);
});

Deno.test("a window that lost series to the cap is not sent again when nothing has changed", async () => {
  await using world = await createWorld();
  const query = { name: "wide", expr: "sim_wide", step: STEP, maxSeries: 10 };
  const deps = await stream(world, query, {}, 60_000);
  assert.ok(await metric(deps, "unchanged", "signal_rereads_total") >= 2);
  assert.equal(await metric(deps, '"sent"', "signal_rereads_total"), 0);
  for (const { gaps } of world.receiver.batches) assert.equal(gaps.length, 1);
});

Deno.test("labels go as the rules say, with their points; those that become alike are recorded", async () => {
  await using world = await createWorld();
  const hashLabel = (value: string) => `#${value}`;
  const labels = { drop: ["code"], keep: [], hash: ["instance"] };
  const query = { name: "rules", expr: "sim_requests_total", step: STEP, labels };
  const deps = await stream(world, query, { hashLabel });
  for (const { window, series, gaps } of world.receiver.batches) {
    assert.deepEqual(
      series.map(({ labels }) => labels),
      ["a", "b"].map((instance) => ({
        __name__: "sim_requests_total",
        instance: `#${instance}`,
        job: "checkout",
      })),
    );
    const { startMs, endMs, stepMs } = window;
    for (const [i, instance] of ["a", "b"].entries()) {
      const expr = `sim_requests_total{instance="${instance}",code="200"}`;
      const [truth] = world.prometheus.expected(expr, startMs, endMs, stepMs);
      assert.deepEqual(series[i]!.values, truth!.values.map(([, text]) => Number(text)));
    }
    assert.deepEqual(gaps.map(({ reason, detail }) => [reason, detail]), [[
      "label_collision",
      "2 of 4 series are the same as another by the rules for labels, " +
      'e.g. {__name__="sim_requests_total", instance="#a", job="checkout"}',
    ]]);
  }
  assert.ok(await metric(deps, "label_collision") >= 2 * ALL_WINDOWS);
});

Deno.test("no label is hashed without a key: the query does not begin", async () => {
  await using world = await createWorld();
  const labels = { drop: [], keep: [], hash: ["instance"] };
  const query = { name: "rules", expr: "sim_requests_total", step: STEP, labels };
  await assert.rejects(stream(world, query), RangeError);
  assert.equal(world.receiver.batches.length, 0);
});
