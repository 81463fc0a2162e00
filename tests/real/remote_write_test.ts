/** The agent's own process, writing into real receivers: what they hold is what the source holds. */
import assert from "node:assert/strict";
import { print } from "../../scripts/testbed/print.ts";
import type { ConfigInput } from "../../src/config/schema.ts";
import { alignUp } from "../../src/core/signals/windows.ts";
import { AgentProcess } from "./agent_process.ts";
import { type Ground, layGround, writeConfig } from "./ground.ts";
import { KNOWN_STEP_MS, knownSeries } from "./known_data.ts";
import { writeNativeHistograms } from "./native_histograms.ts";
import { realTest } from "./peers.ts";
import { startPrometheus } from "./prometheus_server.ts";
import {
  type Receiver,
  type ReceiverSeries,
  startPrometheusReceiver,
  startVictoriaReceiver,
  startWriteProxy,
  type WriteProxy,
} from "./receivers.ts";
import { labelKey } from "./received.ts";
import { within } from "./waiting.ts";

const MINUTE_MS = 60_000;
const LIMIT_MS = 120_000;
/** Answers after which the agent is killed, before it hears of them. */
const KILLS = [7, 11, 18];
/** In an in-order Prometheus nothing may be an hour older than the newest of anything. */
const KNOWN_MINUTES = 50;

interface Query {
  readonly name: string;
  readonly expr: string;
  readonly step: string;
  readonly stepMs: number;
  /** At the receiver, where the expression gives series without a name. */
  readonly metric?: string;
  /** VictoriaMetrics holds no NaN and no negative zero, and twelve digits. */
  readonly onlyPrometheus?: boolean;
}

const QUERIES: readonly Query[] = [
  { name: "requests", expr: "known_requests_total", step: "15s", stepMs: 15_000 },
  {
    name: "request-rate",
    expr: "sum by (pod) (rate(known_requests_total[5m]))",
    step: "15s",
    stepMs: 15_000,
    metric: "request_rate",
  },
  {
    name: "few",
    expr: "known_requests_total % 7 < 3",
    step: "15s",
    stepMs: 15_000,
    metric: "few",
  },
  { name: "holes", expr: "known_holes", step: "15s", stepMs: 15_000 },
  { name: "labels", expr: "known_labels", step: "15s", stepMs: 15_000 },
  {
    name: "special",
    expr: "known_special",
    step: "15s",
    stepMs: 15_000,
    onlyPrometheus: true,
  },
  { name: "large", expr: "known_large", step: "15s", stepMs: 15_000, onlyPrometheus: true },
  { name: "temperature", expr: "known_temperature", step: "7s", stepMs: 7000 },
];

const NATIVE: readonly Query[] = [
  {
    name: "latency",
    expr: "native_latency",
    step: "15s",
    stepMs: 15_000,
  },
  {
    name: "latency-rate",
    expr: "rate(native_latency[2m])",
    step: "15s",
    stepMs: 15_000,
    metric: "latency_rate",
  },
];

interface Source {
  readonly url: string;
  queryRange(
    expr: string,
    range: { startMs: number; endMs: number; stepMs: number },
  ): Promise<ReceiverSeries[]>;
}

for (
  const { program, needs, start, options } of [
    {
      program: "prometheus",
      needs: [],
      start: (folder: string) => startPrometheusReceiver(folder, "prometheus"),
      options: { nativeHistograms: true },
    },
    {
      program: "prometheus 3",
      needs: ["prometheus 3"],
      start: (folder: string) => startPrometheusReceiver(folder, "prometheus 3"),
      options: { nativeHistograms: true, protocol: "2.0" as const },
    },
    {
      program: "victoria-metrics",
      needs: ["victoria-metrics"],
      start: startVictoriaReceiver,
      options: { outOfOrder: true },
    },
  ]
) {
  realTest(`agent writes into ${program} what the source holds, killed in between or not`, [
    "prometheus",
    "promtool",
    "node exporter",
    ...needs,
  ], async (context) => {
    const ground = await layGround();
    const nowMs = Math.floor(Date.now() / KNOWN_STEP_MS) * KNOWN_STEP_MS;
    const toMs = nowMs - 5 * MINUTE_MS;
    const known = knownSeries(toMs - KNOWN_MINUTES * MINUTE_MS, toMs);
    const open: { close(): Promise<void> }[] = [ground];
    try {
      await Deno.mkdir(`${ground.directory}/source`);
      const source = await startPrometheus(`${ground.directory}/source`, ground.pki, known);
      open.unshift(source);
      const queries = QUERIES.filter((one) =>
        !(one.onlyPrometheus && program === "victoria-metrics")
      );
      for (const kills of [[], KILLS]) {
        const how = kills.length > 0 ? `killed ${kills.length} times` : "left alone";
        await context.step(how, async () => {
          const receiver = await start(`${ground.directory}/receiver-${kills.length}`);
          const proxy = startWriteProxy(receiver.writeUrl);
          try {
            const sent = { ground, source, receiver, proxy, options, kills };
            await stream({ ...sent, queries, untilMs: toMs });
            await compare(sent, queries, toMs);
          } finally {
            await proxy.close();
            await receiver.close();
          }
        });
      }
      if (!("nativeHistograms" in options)) return;
      await context.step("native histograms", async () => {
        const first = await startPrometheusReceiver(`${ground.directory}/native`, "prometheus");
        open.unshift(first);
        await writeNativeHistograms(first.writeUrl, toMs - 20 * MINUTE_MS, toMs);
        const receiver = await start(`${ground.directory}/receiver-native`);
        const proxy = startWriteProxy(receiver.writeUrl);
        try {
          const url = first.writeUrl.replace("/api/v1/write", "");
          const from = { url, queryRange: first.queryRange };
          const sent = { ground, source: from, receiver, proxy, options, kills: [3] };
          await stream({ ...sent, queries: NATIVE, untilMs: toMs });
          await compare(sent, NATIVE, toMs);
        } finally {
          await proxy.close();
          await receiver.close();
        }
      });
    } finally {
      for (const one of open) await one.close();
    }
  });
}

interface Sent {
  readonly ground: Ground;
  readonly source: Source;
  readonly receiver: Receiver;
  readonly proxy: WriteProxy;
  readonly options: Partial<NonNullable<ConfigInput["remoteWrite"]>>;
  readonly kills: readonly number[];
}

async function stream(
  { ground, source, proxy, options, kills, queries, untilMs }: Sent & {
    readonly queries: readonly Query[];
    readonly untilMs: number;
  },
): Promise<void> {
  await Deno.remove(ground.stateDir, { recursive: true }).catch(() => {});
  const config = await writeConfig(ground, {
    prometheus: {
      url: source.url,
      caFile: `${ground.directory}/ca.pem`,
      allowPlainHttp: true,
    },
    remoteWrite: {
      url: proxy.url,
      allowPlainHttp: true,
      // Several requests to a window.
      maxSamplesPerSend: 25,
      ...options,
    },
    signals: {
      sink: "remoteWrite",
      queries: queries.map(({ name, expr, step }) => ({ name, expr, step })),
      window: "5m",
      startFrom: `${KNOWN_MINUTES + 20}m`,
      backfillSpeed: 1000,
      settle: "5s",
    },
  });
  let agent = AgentProcess.spawn(config);
  try {
    for (const count of kills) {
      const running = agent;
      await within(
        LIMIT_MS,
        `${count} answers`,
        proxy.interrupt(count, () => running.kill()),
      );
      agent = AgentProcess.spawn(config);
    }
    const { controlPlane } = ground;
    const begun = controlPlane.heartbeats.length;
    await within(
      LIMIT_MS,
      "the whole block",
      controlPlane.until(() => {
        const last = controlPlane.heartbeats.at(-1);
        return controlPlane.heartbeats.length > begun &&
          queries.every(({ name }) =>
            last!.heartbeat.signals.some(({ query, acknowledgedMs }) =>
              query === name && acknowledgedMs !== null && acknowledgedMs >= untilMs
            )
          );
      }),
    );
    assert.equal(await agent.stop(), 0);
  } finally {
    await agent.kill();
  }
  const gaps = await Array.fromAsync(Deno.readDir(`${ground.stateDir}/gaps`)).catch(() => []);
  assert.deepEqual(gaps, [], "nothing was lost, and nothing is said to be");
}

/** At every grid point, absent ones included. */
async function compare(
  { ground, source, receiver, options }: Sent,
  queries: readonly Query[],
  untilMs: number,
): Promise<void> {
  const isExact = !options.outOfOrder;
  for (const { name, expr, metric, stepMs } of queries) {
    const cursor = JSON.parse(
      await Deno.readTextFile(`${ground.stateDir}/cursors/${name}.json`),
    );
    const endMs = Math.floor(cursor.acknowledgedMs / stepMs) * stepMs;
    const startMs = alignUp(untilMs - (KNOWN_MINUTES - 6) * MINUTE_MS, stepMs);
    const range = { startMs, endMs, stepMs };
    const held = pointsOf(await source.queryRange(expr, range), metric);
    const selector = metric ?? (/^\w+$/.test(expr) ? expr : name);
    const received = pointsOf(await receiver.queryRange(selector, range));
    for (const [key, value] of held) {
      const actual = received.get(key);
      const isSame = isExact ? actual === value : isClose(Number(actual), Number(value));
      assert.ok(isSame, `${name}: ${actual} instead of ${value} at ${key}`);
    }
    for (const key of received.keys()) assert.ok(held.has(key), `${name}: nobody holds ${key}`);
    assert.ok(held.size > 0, `${name}: nothing to compare`);
    print(`${name}: ${held.size} points on ${gridPoints(range)} grid points are equal`);
  }
}

function gridPoints({ startMs, endMs, stepMs }: Readonly<Record<string, number>>): number {
  return (endMs! - startMs!) / stepMs! + 1;
}

/** VictoriaMetrics keeps twelve digits of numbers that it stores together. */
function isClose(actual: number, expected: number): boolean {
  return Math.abs(actual - expected) <= Math.abs(expected) * 1e-11;
}

/** Text by series and time. @param name of series that have none */
function pointsOf(series: readonly ReceiverSeries[], name?: string): Map<string, string> {
  const points = new Map<string, string>();
  for (const { metric, values = [], histograms = [] } of series) {
    const labels = labelKey(name === undefined ? metric : { ...metric, __name__: name });
    for (const [seconds, text] of values) {
      points.set(`${labels}@${Math.round(seconds * 1000)}`, text);
    }
    for (const [seconds, value] of histograms) {
      points.set(`${labels}@${Math.round(seconds * 1000)}`, JSON.stringify(value));
    }
  }
  return points;
}
