/** The oracle: whatever fails and whenever the process dies, received = source minus what gaps name. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { InvalidInputError, TransientError } from "../../src/errors.ts";
import type { SignalsBatch } from "../../src/core/protocol.ts";
import type { Cursor } from "../../src/core/signals/cursor.ts";
import { isWholeLoss } from "../../src/core/signals/gap_ledger.ts";
import { SignalsStreamer } from "../../src/loops/signals.ts";
import type { SignalsDeps } from "../../src/loops/signals_ports.ts";
import { createWorld, driveUntil, type World } from "./signals_world.ts";

const QUERIES = [
  { name: "depth", expr: "sim_queue_depth" },
  { name: "latency", expr: "sim_latency" },
];
const CONFIG: Omit<SignalsDeps["config"], "queries"> = {
  window: 120_000,
  settle: 30_000,
  reread: 90_000,
  backfill: 900_000,
  backfillSpeed: 30,
  startFrom: 600_000,
  maxSeries: 1000,
};

const STEP = 15_000;
const HOUR = 3_600_000;

/** One life of the process, and what befalls it. */
interface Life {
  /** Dies at this operation of disk, source or receiver; before it takes effect or after. */
  readonly operations: number;
  readonly after: boolean;
  /** How long it stays dead. */
  readonly deadMs: number;
  /** Per send: chance out of 100 to fail before the batch is taken, after it, or to be refused. */
  readonly receiver: readonly [before: number, after: number, refused: number];
  /** Per write of cursor or ledger: chance out of 100 to find the disk full, before it or after. */
  readonly disk: number;
  readonly sourceFaults: number;
  readonly maxSamples: number;
  readonly warned: boolean;
  /** Of the configuration that this life runs with. */
  readonly stepMs: number;
  /** Everyone's clock is stepped before it begins. */
  readonly clockStepMs: number;
  /** How far this process's clock alone is wrong. */
  readonly skewMs: number;
}

const lives: fc.Arbitrary<Life[]> = fc.array(
  fc.record({
    operations: fc.integer({ min: 1, max: 300 }),
    after: fc.boolean(),
    deadMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3_600_000 })),
    receiver: fc.tuple(
      fc.constantFrom(0, 40),
      fc.constantFrom(0, 40),
      fc.constantFrom(0, 0, 10),
    ),
    disk: fc.constantFrom(0, 0, 20),
    sourceFaults: fc.constantFrom(0, 2),
    maxSamples: fc.constantFrom(1000, 4, 1),
    warned: fc.boolean(),
    stepMs: fc.constantFrom(STEP, STEP, 7000, 60_000),
    clockStepMs: fc.constantFrom(0, 0, 0, HOUR, -HOUR),
    skewMs: fc.constantFrom(0, 0, 0, HOUR, -HOUR),
  }),
  { minLength: 1, maxLength: 6 },
);

interface Story {
  readonly lives: readonly Life[];
  /** Such a receiver gets one lane, and nothing twice. */
  readonly inOrderOnly: boolean;
}

const stories: fc.Arbitrary<Story> = fc.record({
  lives,
  inOrderOnly: fc.constantFrom(false, false, false, true),
});

class Mortal {
  readonly abort = new AbortController();
  #left: number;

  constructor(readonly life: Life) {
    this.#left = life.operations;
  }

  /** Runs an operation, unless the process is dead by then. */
  async live<T>(work: () => Promise<T>): Promise<T> {
    this.abort.signal.throwIfAborted();
    this.#left -= 1;
    if (this.#left === 0 && !this.life.after) this.#die();
    const result = await work();
    if (this.#left <= 0) this.#die();
    return result;
  }

  #die(): never {
    this.abort.abort(new DOMException("killed", "AbortError"));
    throw this.abort.signal.reason;
  }
}

/** Time, half-open: a point stands for what lies between it and the one before. */
interface Stretch {
  readonly afterMs: number;
  readonly endMs: number;
}

/** Checks at every save that all of what the cursor claims was acknowledged. */
class Witness {
  readonly #acknowledged = new Map<string, Stretch[]>();
  readonly saved = new Map<string, Cursor>();
  /** Where each query began: with the first cursor that reached the disk. */
  readonly first = new Map<string, number>();

  acknowledge({ query: { name }, window, gaps }: SignalsBatch): void {
    const known = this.#acknowledged.get(name) ?? [];
    // A loss that was recorded at another step may end between two points of this one.
    const lost = gaps.filter(isWholeLoss)
      .map(({ startMs, endMs }) => ({ afterMs: startMs - 1, endMs }));
    const { startMs, endMs, stepMs } = window;
    this.#acknowledged.set(name, join([...known, ...lost, { afterMs: startMs - stepMs, endMs }]));
  }

  save(cursor: Cursor): void {
    const { query, acknowledgedMs, ahead } = cursor;
    const before = this.saved.get(query);
    this.saved.set(query, cursor);
    if (!before) return void this.first.set(query, acknowledgedMs);
    assert.ok(acknowledgedMs >= before.acknowledgedMs, "the cursor moved back");
    this.#demand(query, { afterMs: before.acknowledgedMs, endMs: acknowledgedMs });
    for (const { startMs, endMs } of ahead) this.#demand(query, { afterMs: startMs - 1, endMs });
  }

  /** All between the beginning and a time is at the receiver, as data or as gaps. */
  demandAll(query: string, untilMs: number): void {
    this.#demand(query, { afterMs: this.first.get(query)!, endMs: untilMs });
  }

  #demand(query: string, { afterMs, endMs }: Stretch): void {
    const isKnown = afterMs >= endMs || this.#acknowledged.get(query)
      ?.some((known) => known.afterMs <= afterMs && endMs <= known.endMs);
    assert.ok(isKnown, `${query}: the cursor claims ${afterMs} to ${endMs}, unacknowledged`);
  }
}

function join(stretches: readonly Stretch[]): Stretch[] {
  const joined: Stretch[] = [];
  for (const one of stretches.toSorted((a, b) => a.afterMs - b.afterMs)) {
    const last = joined.at(-1);
    if (!last || last.endMs < one.afterMs) joined.push(one);
    else if (last.endMs < one.endMs) joined.splice(-1, 1, { ...last, endMs: one.endMs });
  }
  return joined;
}

function mortalDeps(
  world: World,
  story: Story,
  mortal: Mortal,
  witness: Witness,
  roll: () => number,
): SignalsDeps {
  const { stepMs, skewMs, disk } = mortal.life;
  const write = (work: () => Promise<void>) =>
    mortal.live(async () => {
      const dice = roll();
      if (dice < disk / 2) throw new TransientError("disk_full", "no space left");
      await work();
      if (dice < disk) throw new TransientError("disk_full", "no space left");
    });
  const deps = world.deps({
    ...CONFIG,
    reread: story.inOrderOnly ? 0 : CONFIG.reread,
    queries: QUERIES.map((query) => ({ ...query, step: stepMs })),
  });
  const { source, sink, cursors, gaps, quarantine } = deps;
  return {
    ...deps,
    clock: {
      now: () => world.clock.now() + skewMs,
      monotonic: () => world.clock.monotonic(),
      sleep: (ms, signal) => world.clock.sleep(ms, signal),
    },
    source: {
      queryRange: (query, handler, signal) =>
        mortal.live(() => source.queryRange(query, handler, signal)),
    },
    sink: {
      inOrderOnly: story.inOrderOnly,
      pack: (window) => sink.pack(window),
      send: (batch, signal) =>
        mortal.live(async () => {
          await sink.send(batch, signal);
          const taken = world.receiver.batches.find(({ batchId }) => batchId === batch.batchId)!;
          witness.acknowledge(taken);
        }),
    },
    cursors: {
      load: (query) => mortal.live(() => cursors.load(query)),
      save: (cursor) =>
        write(async () => {
          await cursors.save(cursor);
          witness.save(cursor);
        }),
    },
    gaps: {
      pending: (query, afterMs) => mortal.live(() => gaps.pending(query, afterMs)),
      append: (query, found, open) => write(() => gaps.append(query, found, open)),
    },
    quarantine: { keep: (name, bytes) => mortal.live(() => quarantine.keep(name, bytes)) },
  };
}

function afflict(world: World, life: Life, roll: () => number): void {
  const [before, after, refused] = life.receiver;
  world.receiver.onSend = (batch, taken) => {
    const dice = roll();
    if (taken && dice < after) throw new TransientError("timeout", "the answer was lost");
    if (!taken && dice < before) throw new TransientError("unavailable", "down");
    if (!taken && dice >= 100 - refused && batch.series.length > 0) {
      throw new InvalidInputError("malformed_request", "422");
    }
  };
  world.prometheus.server.faults.clear();
  world.prometheus.server.faults.answer(500, life.sourceFaults);
  world.prometheus.settings.maxSamples = life.maxSamples;
  world.prometheus.settings.warnings = life.warned ? ["half a store is gone"] : [];
}

/** Lives until `done`, or until it dies. */
async function live(
  world: World,
  story: Story,
  life: Life,
  witness: Witness,
  roll: () => number,
  done: (streamer: SignalsStreamer) => boolean,
): Promise<SignalsStreamer> {
  const mortal = new Mortal(life);
  afflict(world, life, roll);
  world.clock.step(life.clockStepMs);
  const streamer = new SignalsStreamer(mortalDeps(world, story, mortal, witness, roll));
  const running = streamer.run(mortal.abort.signal);
  // How late anything is does not matter here, and cursors that cannot be read are many.
  const options = { lanes: story.inOrderOnly ? 1 : 3, stepMs: 5000, turns: 20 };
  await driveUntil(world.clock, QUERIES.length, running, () => done(streamer), options);
  mortal.abort.abort(new DOMException("killed", "AbortError"));
  await running;
  return streamer;
}

const PEACE: Life = {
  operations: Infinity,
  after: false,
  deadMs: 0,
  receiver: [0, 0, 0],
  disk: 0,
  sourceFaults: 0,
  maxSamples: 1000,
  warned: false,
  stepMs: STEP,
  clockStepMs: 0,
  skewMs: 0,
};

Deno.test("received = source minus gaps, through random deaths, failures, outages and steps", async () => {
  await fc.assert(
    fc.asyncProperty(stories, fc.nat(), async (story, seed) => {
      // Windows of several batches, of which any number may have arrived when it dies.
      await using world = await createWorld({ batchBytes: 300 });
      const witness = new Witness();
      let state = seed;
      let latestMs = 0;
      const roll = () => (state = (state * 48_271 + 11) % 2_147_483_647) % 100;
      for (const life of story.lives) {
        const deadlineMs = world.clock.monotonic() + 1_200_000;
        const isOver = () => world.clock.monotonic() > deadlineMs;
        await live(world, story, life, witness, roll, isOver);
        latestMs = Math.max(latestMs, world.clock.now());
        world.clock.advance(life.deadMs);
      }
      // What was asked for before the clock went back is recorded, and sent once its time has come again.
      const targetMs = Math.max(latestMs, world.clock.now());
      const isDone = (streamer: SignalsStreamer) =>
        streamer.lag().every(({ acknowledgedMs, backfill }) =>
          acknowledgedMs !== null && acknowledgedMs > targetMs && backfill!.pendingMs === 0
        );
      await live(world, story, PEACE, witness, roll, isDone);
      await assertOracle(world, witness);
    }),
    { numRuns: 15 },
  );
});

async function assertOracle(world: World, witness: Witness) {
  const { receiver } = world;
  const all = new Set<string>();
  for (const { name, expr } of QUERIES) {
    const gaps = receiver.gapsOf(name);
    const isExcused = (timeMs: number) =>
      gaps.some(({ startMs, endMs }) => startMs <= timeMs && timeMs <= endMs);
    const windows = receiver.batches.filter(({ query }) => query.name === name)
      .map(({ window }) => window);
    /** Of several batches of a window some arrived; the next life asked for that time at its own step. */
    const isReplaced = (timeMs: number, ownMs: number) =>
      windows.some(({ startMs, endMs, stepMs }) =>
        stepMs !== ownMs && startMs - stepMs < timeMs && timeMs <= endMs
      );
    for (const { startMs, endMs, stepMs } of windows) {
      for (const [key, value] of world.truth(name, expr, startMs, endMs, stepMs)) {
        all.add(key);
        const received = receiver.points.get(key);
        if (received !== undefined) {
          assert.equal(received, value, key);
          continue;
        }
        const timeMs = JSON.parse(key)[2];
        const isKnown = isExcused(timeMs) || isReplaced(timeMs, stepMs);
        assert.ok(isKnown, `${key} is missing and no gap names it`);
      }
    }
    witness.demandAll(name, witness.saved.get(name)!.acknowledgedMs);
    const ledger = await Deno.readTextFile(`${world.stateDir}/gaps/${name}.jsonl`).catch(() => "");
    const recorded = ledger.split("\n").filter(Boolean).map((line) => {
      const { schema: _, ...gap } = JSON.parse(line);
      return JSON.stringify(gap);
    });
    assert.deepEqual(
      new Set(recorded),
      new Set(gaps.map((gap) => JSON.stringify(gap))),
      "the ledger and what the receiver knows of gaps differ",
    );
  }
  for (const key of receiver.points.keys()) assert.ok(all.has(key), `${key} was made up`);
}
