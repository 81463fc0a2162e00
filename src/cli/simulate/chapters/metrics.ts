/** What arrived at the Insight Engine, compared point by point with what Prometheus holds. */
import { demand } from "../scorecard.ts";
import type { Stage } from "../stage.ts";

const OUTAGE_MS = 4000;

export async function forwarding(stage: Stage): Promise<void> {
  const { world, scorecard } = stage;
  await scorecard.check("metrics forwarded periodically, equal to the source", async () => {
    await stage.until(
      "five batches of each query",
      () =>
        world.prometheus.queries.every(({ name }) =>
          windowsOf(stage, name).length >= 5 && holesOf(stage, name).length === 0
        ),
    );
    return compare(stage);
  });
}

/** Returns when the outage was, on the monotonic clock. */
export async function outage(stage: Stage): Promise<readonly [number, number]> {
  const { world, narrator, scorecard } = stage;
  const { controlPlane, clock } = world;
  narrator.tell(`the control plane goes away for ${OUTAGE_MS / 1000} s`);
  const from = clock.monotonic();
  await controlPlane.server.stop();
  await stage.pause(OUTAGE_MS);
  controlPlane.server.start();
  narrator.tell("the control plane is back");
  const backMs = clock.now();
  await scorecard.check(
    "no metrics missing after a control-plane outage of several windows",
    async () => {
      await stage.until(
        "the backlog to arrive",
        () =>
          world.prometheus.queries.every(({ name }) =>
            newest(stage, name) > backMs && holesOf(stage, name).length === 0
          ),
      );
      return compare(stage);
    },
  );
  return [from, clock.monotonic()];
}

/** In the order of time; fresh ones arrive before those that an outage held up. */
function windowsOf({ world: { controlPlane } }: Stage, query: string) {
  return controlPlane.signals.batches.filter((batch) => batch.query.name === query)
    .map((batch) => batch.window).sort((a, b) => a.startMs - b.startMs);
}

function newest(stage: Stage, query: string): number {
  return Math.max(0, ...windowsOf(stage, query).map(({ endMs }) => endMs));
}

/** Milliseconds between windows that do not tile time. */
function holesOf(stage: Stage, query: string): number[] {
  const windows = windowsOf(stage, query);
  return windows.slice(1)
    .map(({ startMs, stepMs }, index) => startMs - windows[index]!.endMs - stepMs)
    .filter((gapMs) => gapMs !== 0);
}

/** Throws at the first point that differs, is missing, or is one too many. */
export async function compare(stage: Stage): Promise<string> {
  const { controlPlane: { signals }, prometheus } = stage.world;
  let points = 0;
  let batches = 0;
  for (const { name, expr } of prometheus.queries) {
    const windows = windowsOf(stage, name);
    const [gapMs] = holesOf(stage, name);
    demand(gapMs === undefined, `${name}: ${gapMs} ms between two windows`);
    batches += windows.length;
    const [startMs, endMs] = [windows[0]!.startMs, windows.at(-1)!.endMs];
    const expected = await prometheus.expected(expr, startMs, endMs);
    // What arrived while Prometheus was asked is not in its answer.
    const received = {
      points: signals.points(name).filter(({ timestampMs }) => timestampMs <= endMs),
      histograms: signals.histograms(name).filter(({ timestampMs }) => timestampMs <= endMs),
    };
    points += compareQuery(name, received, expected);
  }
  demand(signals.gaps.length === 0, `${signals.gaps.length} gaps were reported`);
  demand(signals.conflicts + signals.changedPoints === 0, "a batch came twice with other content");
  return `${points} points in ${batches} batches, each equal to Prometheus's, none missing`;
}

type Signals = Stage["world"]["controlPlane"]["signals"];
interface Received {
  readonly points: ReturnType<Signals["points"]>;
  readonly histograms: ReturnType<Signals["histograms"]>;
}
type Expected = Awaited<ReturnType<Stage["world"]["prometheus"]["expected"]>>;

function compareQuery(name: string, received: Received, expected: Expected): number {
  const want = new Map<string, string>();
  for (const { labels, values, histograms } of expected) {
    for (const [timeMs, value] of values) want.set(keyOf(labels, timeMs), String(Number(value)));
    for (const [timeMs, { count, sum }] of histograms) {
      want.set(keyOf(labels, timeMs), `histogram ${count} ${sum}`);
    }
  }
  const have = new Map<string, string>();
  for (const { labels, timestampMs, value } of received.points) {
    have.set(keyOf(labels, timestampMs), String(Number(value)));
  }
  for (const { labels, timestampMs, histogram } of received.histograms) {
    have.set(keyOf(labels, timestampMs), `histogram ${histogram.count} ${histogram.sum}`);
  }
  for (const [key, value] of want) {
    demand(
      have.get(key) === value,
      `${name} ${key}: arrived ${have.get(key)}, source has ${value}`,
    );
  }
  demand(have.size === want.size, `${name}: ${have.size} points arrived, source has ${want.size}`);
  return have.size;
}

function keyOf(labels: Readonly<Record<string, string>>, timeMs: number): string {
  return `${JSON.stringify(Object.entries(labels).sort())} at ${timeMs}`;
}
