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
          world.controlPlane.signals.batches.filter(({ query }) => query.name === name).length >= 5
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
        () => world.prometheus.queries.every(({ name }) => newest(stage, name) > backMs),
      );
      return compare(stage);
    },
  );
  return [from, clock.monotonic()];
}

function newest({ world: { controlPlane } }: Stage, query: string): number {
  const ends = controlPlane.signals.batches
    .filter((batch) => batch.query.name === query)
    .map((batch) => batch.window.endMs);
  return Math.max(0, ...ends);
}

/** Throws at the first point that differs, is missing, or is one too many. */
export async function compare({ world }: Stage): Promise<string> {
  const { controlPlane: { signals }, prometheus } = world;
  let points = 0;
  let batches = 0;
  for (const { name, expr } of prometheus.queries) {
    const windows = signals.batches.filter((batch) => batch.query.name === name)
      .map((batch) => batch.window).sort((a, b) => a.startMs - b.startMs);
    for (const [index, window] of windows.slice(1).entries()) {
      const gap = window.startMs - windows[index]!.endMs - prometheus.stepMs;
      demand(gap === 0, `${name}: ${gap} ms between two windows`);
    }
    batches += windows.length;
    const [startMs, endMs] = [windows[0]!.startMs, windows.at(-1)!.endMs];
    points += compareQuery(
      name,
      signals,
      await prometheus.expected(expr, startMs, endMs),
    );
  }
  demand(signals.gaps.length === 0, `${signals.gaps.length} gaps were reported`);
  demand(signals.conflicts + signals.changedPoints === 0, "a batch came twice with other content");
  return `${points} points in ${batches} batches, each equal to Prometheus's, none missing`;
}

type Signals = Stage["world"]["controlPlane"]["signals"];
type Expected = Awaited<ReturnType<Stage["world"]["prometheus"]["expected"]>>;

function compareQuery(name: string, signals: Signals, expected: Expected): number {
  const want = new Map<string, string>();
  for (const { labels, values, histograms } of expected) {
    for (const [timeMs, value] of values) want.set(keyOf(labels, timeMs), String(Number(value)));
    for (const [timeMs, { count, sum }] of histograms) {
      want.set(keyOf(labels, timeMs), `histogram ${count} ${sum}`);
    }
  }
  const have = new Map<string, string>();
  for (const { labels, timestampMs, value } of signals.points(name)) {
    have.set(keyOf(labels, timestampMs), String(Number(value)));
  }
  for (const { labels, timestampMs, histogram } of signals.histograms(name)) {
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
