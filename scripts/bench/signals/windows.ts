/**
 * What a window costs by its size: one agent for each, with one query, of which one block of an hour is
 * due. Memory must not grow with the answer.
 */
import { BenchAgent } from "./agent.ts";
import { firstEvent } from "./events.ts";
import type { Processes } from "./processes.ts";
import type { Sink } from "./sink.ts";
import { until } from "./waiting.ts";

export interface WindowCost {
  /** Where the points came from. */
  readonly source: string;
  /** Of the hour that was due. */
  readonly samplesPerHour: number;
  /** Acknowledged while it was measured. */
  readonly samples: number;
  readonly cpuMs: number;
  /** The most that the process ever held, and what it held when it was ready and had asked for nothing. */
  readonly peakMiB: number;
  readonly seconds: number;
  readonly requests: number;
  readonly bytes: number;
}

export interface WindowOptions {
  readonly work: string;
  readonly program: string;
  /** 0 shows what the agent costs by itself. */
  readonly samplesPerHour: number;
  /** Of the agent; default: by the size. */
  readonly name?: string;
  /** Before the agent's program, for a profile. */
  readonly flags?: readonly string[];
}

export const HOUR_MS = 3_600_000;
export const STEP_MS = 15_000;
export const STEPS = HOUR_MS / STEP_MS;
const QUERY = "window";
const SETTLE_MS = 1000;
/** An hour in 3.6 s: what is measured is work, and no waiting. */
const FASTEST = 1000;

export async function measureWindow(
  processes: Processes,
  sink: Sink,
  options: WindowOptions,
): Promise<WindowCost> {
  const { samplesPerHour, name = `window-${samplesPerHour}` } = options;
  const series = Math.ceil(samplesPerHour / STEPS);
  const helper = await processes.open(`answers-${series}`, Deno.execPath(), [
    "run",
    "--allow-net=127.0.0.1",
    "--no-prompt",
    "--quiet",
    "scripts/bench/signals/answers_program.ts",
    `${series}`,
  ]);
  const { url } = await firstEvent(helper.stdout);
  try {
    return await measureSource(processes, sink, {
      ...options,
      source: "made up",
      name,
      url,
      expr: "bench",
    });
  } finally {
    await processes.stop(helper.pid);
  }
}

/** The end of the newest hour of the clock that is over and settled: windows are cut at hours. Epoch ms. */
export function newestHour(): number {
  return Math.floor((Date.now() - SETTLE_MS) / HOUR_MS) * HOUR_MS;
}

export interface SourceOptions extends WindowOptions {
  readonly source: string;
  readonly name: string;
  readonly url: string;
  readonly expr: string;
}

export async function measureSource(
  processes: Processes,
  sink: Sink,
  options: SourceOptions,
): Promise<WindowCost> {
  const { work, program, flags = [], source, name, url, expr, samplesPerHour } = options;
  const endMs = newestHour();
  const begunMs = performance.now();
  const agent = await BenchAgent.start(
    {
      ...{ name, work, program, flags },
      prometheus: { url, allowPlainHttp: true, timeout: "2m" },
      signals: {
        queries: [{ name: QUERY, expr, step: `${STEP_MS}ms` }],
        window: "1h",
        settle: `${SETTLE_MS}ms`,
        startFrom: `${Date.now() - endMs + HOUR_MS}ms`,
        backfillSpeed: FASTEST,
      },
    },
    processes,
    sink,
  );
  try {
    await until(`${samplesPerHour} samples`, async () => {
      return await agent.acknowledgedMs(QUERY) >= endMs - STEP_MS;
    });
    const [samples, taken, counts] = await Promise.all([
      agent.samples(),
      agent.snapshot(),
      sink.counts(),
    ]);
    const seconds = (performance.now() - begunMs) / 1000;
    return { source, samplesPerHour, samples, ...taken, seconds, ...counts[name]! };
  } finally {
    await agent.stop();
  }
}
