/** A real Prometheus behind faults: each call ends, the cursor stands still, and every point arrives. */
import assert from "node:assert/strict";
import { FaultProxy } from "../../scripts/testbed/fault_proxy.ts";
import type { AgentProcess } from "./agent_process.ts";
import type { Ground } from "./ground.ts";
import { knownSeries } from "./known_data.ts";
import { realTest } from "./peers.ts";
import { type RealPrometheus, startPrometheus } from "./prometheus_server.ts";
import {
  assertSamePoints,
  heldPoints,
  receivedPoints,
  receivedRange,
  receivedUntil,
} from "./received.ts";
import { withAgent, withGround } from "./running_agent.ts";
import { within } from "./waiting.ts";

const MINUTE_MS = 60_000;
const WINDOW_MS = 60 * MINUTE_MS;
const LIMIT_MS = 30_000;
/** Answers that do not compress to nothing: there is a middle in which they can be cut. */
const QUERIES = [
  { name: "temperature", expr: "known_temperature", step: "15s" },
  { name: "triple", expr: "known_temperature * 3", step: "15s" },
  { name: "large", expr: "known_large", step: "15s" },
  { name: "special", expr: "known_special", step: "15s" },
];

realTest("agent loses nothing of a Prometheus that fails in every way", [
  "prometheus",
  "promtool",
  "node exporter",
], () =>
  withGround(async (ground) => {
    // Windows end with the hours of the clock: the block must lie before the last that is whole.
    const hourMs = Math.floor(Date.now() / WINDOW_MS) * WINDOW_MS;
    const untilMs = hourMs - 20 * MINUTE_MS;
    const folder = `${ground.directory}/prometheus`;
    await Deno.mkdir(folder);
    const known = knownSeries(hourMs - 30 * WINDOW_MS, untilMs);
    const prometheus = await startPrometheus(folder, ground.pki, known);
    try {
      await using proxy = await FaultProxy.start(prometheus.url);
      // Slowly enough that every fault finds the backlog unfinished.
      ground.controlPlane.server.faults.slow(15);
      await withAgent(ground, {
        prometheus: {
          url: proxy.url,
          caFile: await ground.write("ca.pem", ground.pki.caPem),
          timeout: "1s",
        },
        signals: {
          queries: QUERIES,
          window: `${WINDOW_MS}ms`,
          startFrom: "30h",
          backfill: "48h",
          backfillSpeed: 10_000,
          settle: "5s",
        },
      }, async ({ agent }) => {
        await inMidAnswer(ground, agent, proxy, "cut");
        await inMidAnswer(ground, agent, proxy, "reset");
        await halfOpen(ground, agent, proxy);
        const { signals } = ground.controlPlane;
        const behind = () => QUERIES.some(({ name }) => receivedUntil(signals, name) < untilMs);
        assert.ok(behind(), "everything had arrived before the last fault");
        ground.controlPlane.server.faults.clear();
        await within(LIMIT_MS, "the whole block", ground.controlPlane.until(() => !behind()));
      });
      await compare(ground, prometheus);
    } finally {
      await prometheus.close();
    }
  }));

/** More windows than there were. */
async function progress({ controlPlane }: Ground): Promise<void> {
  const enough = controlPlane.signals.batches.length + 10;
  await within(
    LIMIT_MS,
    "more windows",
    controlPlane.until(() => controlPlane.signals.batches.length >= enough),
  );
}

/** Throttled until an answer is on its way, then ended in the middle of it. */
async function inMidAnswer(
  ground: Ground,
  agent: AgentProcess,
  proxy: FaultProxy,
  fault: "cut" | "reset",
): Promise<void> {
  await progress(ground);
  proxy.answers.bytesPerSecond = 4000;
  const before = proxy.sent.answers;
  const isOnItsWay = () => proxy.sent.answers > before + 1000;
  await within(LIMIT_MS, "a part of an answer", proxy.until(isOnItsWay));
  const seen = agent.lines.length;
  proxy[fault]();
  await agent.untilEvent("signals_retry", () => agent.lines.length > seen);
  await proxy.heal();
}

async function halfOpen(ground: Ground, agent: AgentProcess, proxy: FaultProxy): Promise<void> {
  await progress(ground);
  const { signals } = ground.controlPlane;
  proxy.stall();
  const retries = (count: number) => {
    let found = 0;
    return agent.untilEvent("signals_retry", ({ reason }) => {
      if (/in time/.test(String(reason))) found += 1;
      return found >= count;
    });
  };
  // By then whatever was under way has ended, one way or the other.
  await retries(QUERIES.length);
  const ends = QUERIES.map(({ name }) => receivedUntil(signals, name));
  await retries(2 * QUERIES.length);
  assert.deepEqual(QUERIES.map(({ name }) => receivedUntil(signals, name)), ends);
  await proxy.heal();
  await progress(ground);
}

async function compare({ controlPlane: { signals } }: Ground, prometheus: RealPrometheus) {
  assert.deepEqual(signals.gaps, []);
  assert.equal(signals.conflicts, 0, "a batch came again with other content");
  assert.equal(signals.changedPoints, 0, "a point came again with another value");
  for (const { name, expr } of QUERIES) {
    const held = heldPoints(await prometheus.queryRange(expr, receivedRange(signals, name)));
    assert.ok(assertSamePoints(receivedPoints(signals, name), held, name) > 0);
  }
}
