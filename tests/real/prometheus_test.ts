/** The agent's own process, streaming from a real Prometheus: nothing lost, nothing changed. */
import assert from "node:assert/strict";
import { print } from "../../scripts/testbed/print.ts";
import type { ConfigInput } from "../../src/config/schema.ts";
import { AgentProcess } from "./agent_process.ts";
import { type Ground, layGround, writeConfig } from "./ground.ts";
import { KNOWN_STEP_MS, type KnownSeries, knownSeries } from "./known_data.ts";
import { realTest } from "./peers.ts";
import { type RealPrometheus, startPrometheus } from "./prometheus_server.ts";
import {
  assertSamePoints,
  heldPoints,
  labelKey,
  receivedPoints,
  receivedRange,
  receivedUntil,
} from "./received.ts";
import { within } from "./waiting.ts";

const MINUTE_MS = 60_000;
const LIMIT_MS = 120_000;

type Queries = NonNullable<NonNullable<ConfigInput["signals"]>["queries"]>;

const KNOWN_QUERIES: Queries = [
  { name: "requests", expr: "known_requests_total", step: "15s" },
  { name: "request-rate", expr: "sum by (pod) (rate(known_requests_total[5m]))", step: "15s" },
  { name: "temperature", expr: "known_temperature", step: "15s" },
  { name: "large", expr: "known_large", step: "15s" },
  { name: "special", expr: "known_special", step: "15s" },
  { name: "holes", expr: "known_holes", step: "15s" },
  { name: "labels", expr: "known_labels", step: "15s" },
  {
    name: "union",
    match: ["known_temperature", '{__name__=~"known_(special|temperature)"}', 'up{job="none"}'],
    step: "15s",
  },
  // Off the samples' grid, so that Prometheus looks back for every point.
  { name: "off-grid", expr: "known_requests_total", step: "7s" },
];
const LIVE_QUERIES: Queries = [
  { name: "up", expr: "up", step: "1s" },
  { name: "cpu", expr: "node_cpu_seconds_total", step: "1s" },
  { name: "head", expr: "prometheus_tsdb_head_series", step: "1s" },
];

realTest("agent streams from a real Prometheus", [
  "prometheus",
  "promtool",
  "node exporter",
], async (context) => {
  const ground = await layGround();
  const nowMs = Math.floor(Date.now() / KNOWN_STEP_MS) * KNOWN_STEP_MS;
  const known = knownSeries(nowMs - 180 * MINUTE_MS, nowMs - 20 * MINUTE_MS);
  let prometheus: RealPrometheus | undefined;
  try {
    const folder = `${ground.directory}/prometheus`;
    await Deno.mkdir(folder);
    prometheus = await startPrometheus(folder, ground.pki, known);
    const source = prometheus;
    await context.step(
      "known data arrive whole across an outage and a kill -9",
      () => streamKnownData(ground, source, known, nowMs - 20 * MINUTE_MS),
    );
    await context.step("what is scraped now arrives too", () => streamLive(ground, source));
  } finally {
    await prometheus?.close();
    await ground.close();
  }
});

async function streamKnownData(
  ground: Ground,
  prometheus: RealPrometheus,
  known: readonly KnownSeries[],
  untilMs: number,
): Promise<void> {
  const { server, signals } = ground.controlPlane;
  const config = await configure(ground, prometheus, {
    queries: KNOWN_QUERIES,
    window: "5m",
    startFrom: "4h",
    settle: "5s",
    backfillSpeed: 10_000,
  });
  const batches = (count: number) =>
    within(
      LIMIT_MS,
      `${count} batches`,
      ground.controlPlane.until(() => signals.batches.length >= count),
    );
  const agent = AgentProcess.spawn(config);
  let restarted: AgentProcess | undefined;
  try {
    // Slowly enough that what follows lies in the middle of the backlog.
    server.faults.slow(20);
    await batches(60);
    await server.stop();
    await agent.untilEvent("signals_retry");
    server.start();
    await batches(120);
    await agent.kill();
    assert.ok(
      KNOWN_QUERIES.some(({ name }) => receivedUntil(signals, name) < untilMs),
      "the agent was killed after it had sent everything",
    );
    server.faults.clear();
    restarted = AgentProcess.spawn(config);
    await within(
      LIMIT_MS,
      "the whole block",
      ground.controlPlane.until(() =>
        KNOWN_QUERIES.every(({ name }) => receivedUntil(signals, name) >= untilMs)
      ),
    );
    assert.equal(await restarted.stop(), 0);
  } finally {
    server.faults.clear();
    server.start();
    await agent.kill();
    await restarted?.kill();
  }
  await compare(ground, prometheus, KNOWN_QUERIES);
  for (const { name, expr } of KNOWN_QUERIES.filter(({ step }) => step === "15s")) {
    compareWithFile(ground, name, known.filter((series) => series.name === expr));
  }
}

async function streamLive(ground: Ground, prometheus: RealPrometheus): Promise<void> {
  const { signals } = ground.controlPlane;
  await Deno.remove(ground.stateDir, { recursive: true });
  const config = await configure(ground, prometheus, {
    queries: LIVE_QUERIES,
    window: "5s",
    startFrom: "5s",
    settle: "3s",
  });
  const untilMs = Date.now() + 10_000;
  const agent = AgentProcess.spawn(config);
  try {
    await within(
      LIMIT_MS,
      "ten seconds of every query",
      ground.controlPlane.until(() =>
        LIVE_QUERIES.every(({ name }) => receivedUntil(signals, name) >= untilMs)
      ),
    );
    assert.equal(await agent.stop(), 0);
  } finally {
    await agent.kill();
  }
  await compare(ground, prometheus, LIVE_QUERIES);
  const targets = new Set(signals.points("up").map(({ labels }) => labels["job"]));
  assert.deepEqual([...targets].sort(), ["node", "prometheus"]);
}

async function configure(
  ground: Ground,
  prometheus: RealPrometheus,
  signals: NonNullable<ConfigInput["signals"]>,
): Promise<string> {
  return await writeConfig(ground, {
    prometheus: { url: prometheus.url, caFile: `${ground.directory}/ca.pem` },
    signals,
  });
}

async function compare(
  { controlPlane: { signals } }: Ground,
  prometheus: RealPrometheus,
  queries: Queries,
): Promise<void> {
  assert.deepEqual(signals.gaps, []);
  assert.equal(signals.conflicts, 0, "a batch came again with other content");
  assert.equal(signals.changedPoints, 0, "a point came again with another value");
  for (const { name, expr, match } of queries) {
    const range = receivedRange(signals, name);
    const answers = await Promise.all(
      (match ?? [expr!]).map((text) => prometheus.queryRange(text, range)),
    );
    const held = heldPoints(answers.flat());
    const count = assertSamePoints(receivedPoints(signals, name), held, name);
    assert.ok(count > 0, `${name}: nothing to compare`);
    print(`${name}: ${count} points of ${held.size} series are equal`);
  }
}

/** Every sample of the file lies on the grid of its query: its point must be that sample. */
function compareWithFile(
  { controlPlane: { signals } }: Ground,
  query: string,
  known: readonly KnownSeries[],
): void {
  const points = receivedPoints(signals, query);
  for (const { name, labels, samples } of known) {
    const received = points.get(labelKey({ ...labels, __name__: name }))!;
    for (const { timestampMs, value } of samples) {
      assert.ok(
        received.get(timestampMs) === value,
        `${query} at ${timestampMs}: ${received.get(timestampMs)} instead of ${value}`,
      );
    }
  }
}
