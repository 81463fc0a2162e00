/** A soak from beginning to end: stream, fail as planned, catch up, and compare. */
import type { Gap } from "../../../src/core/protocol.ts";
import { within } from "../../../tests/real/waiting.ts";
import { CursorWatch } from "./cursors.ts";
import { MAX_SERIES, QUERIES, type SoakQuery } from "./data.ts";
import { carryOut, type Happened } from "./faults.ts";
import { isClean, judge, spanOf, spansAround, type Verdict } from "./oracle.ts";
import { makePlan } from "./plan.ts";
import type { PrometheusPrograms, SoakPrometheus } from "./prometheus.ts";
import { controlPlaneReceiver, type Receiver } from "./receiver.ts";
import { remoteReceiver } from "./remote_receiver.ts";
import type { SinkKind } from "./sinks.ts";
import { openWorld, type World } from "./world.ts";

export interface SoakOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** An empty folder, below `./state`. */
  readonly folder: string;
  readonly programs: PrometheusPrograms;
  /** Where the agent streams to: the control plane, or a Prometheus that takes remote write. */
  readonly sink: SinkKind;
  readonly progress: (line: string) => void;
}

export interface SoakResult {
  readonly seed: number;
  readonly durationMs: number;
  readonly catchUpMs: number;
  readonly happened: readonly Happened[];
  readonly verdicts: readonly Verdict[];
  readonly cursorMoves: number;
  readonly repeats: number | null;
  /** In words; none: the soak has passed. */
  readonly violations: readonly string[];
}

/** Generous: all of the backlog, on a machine that does other things as well. */
const CATCH_UP_LIMIT_MS = 300_000;
const FIRST_LIMIT_MS = 120_000;
const POLL_MS = 100;

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { seed, durationMs, folder, programs, sink, progress } = options;
  const plan = makePlan(seed, durationMs);
  progress(`seed ${seed}: ${plan.length} faults in ${(durationMs / 1000).toFixed(0)} s`);
  const world = await openWorld(folder, programs, sink);
  const { controlPlane, stateDir } = world;
  const cursors = new CursorWatch(`${stateDir}/cursors`);
  const client = Deno.createHttpClient({ caCerts: [world.caPem] });
  try {
    const receiver = sink === "signals"
      ? controlPlaneReceiver(controlPlane)
      : remoteReceiver(world.sink.url, client, stateDir, cursors);
    // The first faults come while history is still being sent.
    await untilArrived(world, FIRST_LIMIT_MS, "a first window", untilBegun(receiver));
    const happened: Happened[] = [];
    await carryOut(plan, durationMs, world, (one) => {
      happened.push(one);
      progress(`${(one.begunMs / 1000).toFixed(1)} s: ${one.fault.track}, ${one.fault.kind}`);
    });
    progress("the faults are over; catching up");
    const untilMs = Date.now();
    const begunMs = performance.now();
    const arrived = receiver.until(untilMs, QUERIES);
    const what = "everything until the end of the faults";
    const late = await untilArrived(world, CATCH_UP_LIMIT_MS, what, arrived)
      .then(() => [], (error: Error) => [error.message]);
    const catchUpMs = Math.round(performance.now() - begunMs);
    const exitCode = await world.agent.stop();
    await cursors.stop();
    progress("comparing");
    const violations = [
      ...late,
      ...receiver.conflicts(),
      ...cursors.stepsBack.map((step) => `cursor moved back: ${step}`),
      ...world.agent.ends.map((tail) => `the agent ended by itself:\n${tail}`),
      ...(exitCode === 0 ? [] : [`the agent ended with ${exitCode} when asked to`]),
    ];
    const verdicts: Verdict[] = [];
    for (const query of QUERIES) {
      const { verdict, unjustified } = await compare(query, receiver, world.prometheus);
      verdicts.push(verdict);
      if (!isClean(verdict)) violations.push(...verdict.faults);
      violations.push(...unjustified);
      if (verdict.points + verdict.gaps === 0) violations.push(`${query.name}: nothing was shown`);
    }
    return {
      ...{ seed, durationMs, catchUpMs, happened, verdicts, violations },
      cursorMoves: cursors.moves,
      repeats: receiver.repeats(),
    };
  } finally {
    client.close();
    await cursors.stop();
    await world.close();
  }
}

async function untilBegun(receiver: Receiver): Promise<void> {
  for (;;) {
    const windows = await Promise.all(QUERIES.map((query) => receiver.windows(query)));
    if (windows.flat().length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** With the agent's last words when it does not come. */
async function untilArrived(
  { agent }: World,
  limitMs: number,
  what: string,
  work: Promise<void>,
): Promise<void> {
  try {
    await within(limitMs, what, work);
  } catch (error) {
    throw new Error(`${(error as Error).message}; the agent's last lines:\n${agent.tail()}`);
  }
}

async function compare(query: SoakQuery, receiver: Receiver, prometheus: SoakPrometheus) {
  const [windows, gaps, received] = await Promise.all([
    receiver.windows(query),
    receiver.gaps(query),
    receiver.points(query),
  ]);
  // The source refuses again what it refused: it can be asked around that only.
  const refused = gaps.filter(({ reason }) => reason === "source_error");
  const spans = spansAround(spanOf(windows), refused, query.stepMs);
  const source = await prometheus.read(query, spans, { names: receiver.holdsNames });
  const { name, stepMs } = query;
  const verdict = judge({ query: name, stepMs, windows, gaps, received, source });
  const unjustified: string[] = [];
  for (const gap of gaps) {
    if (await isJustified(gap, query, receiver.lookBehindSteps, prometheus)) continue;
    const { startMs, endMs, reason, detail } = gap;
    unjustified.push(`${name}: a gap without ground, ${startMs} to ${endMs}, ${reason}: ${detail}`);
  }
  return { verdict, unjustified };
}

/** Whether the source gives the same ground when it is asked for the same span again. */
async function isJustified(
  gap: Gap,
  { expr, stepMs }: SoakQuery,
  lookBehindSteps: number,
  prometheus: SoakPrometheus,
): Promise<boolean> {
  if (gap.reason !== "source_error" && gap.reason !== "series_limit") return false;
  const span = { startMs: gap.startMs - lookBehindSteps * stepMs, endMs: gap.endMs };
  const { status, body } = await prometheus.ask(expr, span, stepMs);
  if (gap.reason === "source_error") return status === 422;
  return status === 200 && body.data.result.length > MAX_SERIES;
}
