/** The oracle: whatever fails and whenever the process dies, received = source minus what gaps name. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { InvalidInputError, TransientError } from "../../src/errors.ts";
import { SignalsStreamer } from "../../src/loops/signals.ts";
import type { SignalsDeps } from "../../src/loops/signals_ports.ts";
import { createWorld, driveUntil, type World } from "./signals_world.ts";

const STEP = 15_000;
const CONFIG: SignalsDeps["config"] = {
  queries: [
    { name: "depth", expr: "sim_queue_depth", step: STEP },
    { name: "latency", expr: "sim_latency", step: STEP },
  ],
  window: 120_000,
  settle: 30_000,
  reread: 0,
  backfill: 900_000,
  backfillSpeed: 30,
  startFrom: 600_000,
  maxSeries: 1000,
};

/** One life of the process, and what befalls it. */
interface Life {
  /** Dies at this operation of disk, source or receiver; before it takes effect or after. */
  readonly operations: number;
  readonly after: boolean;
  /** How long it stays dead. */
  readonly deadMs: number;
  /** Per send: chance out of 100 to fail before the batch is taken, after it, or to be refused. */
  readonly receiver: readonly [before: number, after: number, refused: number];
  readonly sourceFaults: number;
  readonly maxSamples: number;
  readonly warned: boolean;
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
    sourceFaults: fc.constantFrom(0, 2),
    maxSamples: fc.constantFrom(1000, 4, 1),
    warned: fc.boolean(),
  }),
  { minLength: 1, maxLength: 6 },
);

class Mortal {
  readonly abort = new AbortController();
  #left: number;

  constructor(private readonly life: Life) {
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

/** Checks at every save that all before the cursor was acknowledged. */
class Witness {
  readonly #acknowledged = new Map<string, { startMs: number; endMs: number }[]>();
  readonly saved = new Map<string, number>();
  /** The first point of each query: it began with the first cursor that reached the disk. */
  readonly first = new Map<string, number>();

  acknowledge(query: string, window: { startMs: number; endMs: number }): void {
    const windows = this.#acknowledged.get(query) ?? [];
    this.#acknowledged.set(query, [...windows, window]);
  }

  save(query: string, acknowledgedMs: number): void {
    const before = this.saved.get(query);
    this.saved.set(query, acknowledgedMs);
    if (before === undefined) return void this.first.set(query, acknowledgedMs + STEP);
    assert.ok(acknowledgedMs >= before, "the cursor moved back");
    for (let timeMs = before + STEP; timeMs <= acknowledgedMs; timeMs += STEP) {
      const known = this.#acknowledged.get(query)?.some(({ startMs, endMs }) =>
        startMs <= timeMs && timeMs <= endMs
      );
      assert.ok(known, `${query}: the cursor passed ${timeMs} unacknowledged`);
    }
  }
}

function mortalDeps(world: World, mortal: Mortal, witness: Witness): SignalsDeps {
  const deps = world.deps(CONFIG);
  const { source, sink, cursors, gaps, quarantine } = deps;
  return {
    ...deps,
    source: {
      queryRange: (query, handler, signal) =>
        mortal.live(() => source.queryRange(query, handler, signal)),
    },
    sink: {
      pack: (window) => sink.pack(window),
      send: (batch, signal) =>
        mortal.live(async () => {
          await sink.send(batch, signal);
          const taken = world.receiver.batches.find(({ batchId }) => batchId === batch.batchId)!;
          witness.acknowledge(batch.query, taken.window);
        }),
    },
    cursors: {
      load: (query) => mortal.live(() => cursors.load(query)),
      save: (cursor) =>
        mortal.live(async () => {
          await cursors.save(cursor);
          witness.save(cursor.query, cursor.acknowledgedMs);
        }),
    },
    gaps: {
      pending: (query, afterMs) => mortal.live(() => gaps.pending(query, afterMs)),
      append: (query, found, open) => mortal.live(() => gaps.append(query, found, open)),
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

async function run(world: World, deps: SignalsDeps, signal: AbortSignal, done: () => boolean) {
  const streamer = new SignalsStreamer(deps);
  const running = streamer.run(signal);
  await driveUntil(world.clock, CONFIG.queries.length, running, done);
  return { streamer, running };
}

Deno.test("received = source minus gaps, through random deaths, failures and outages", async () => {
  await fc.assert(
    fc.asyncProperty(lives, fc.nat(), async (story, seed) => {
      // Windows of several batches, of which any number may have arrived when it dies.
      await using world = await createWorld({ batchBytes: 300 });
      const witness = new Witness();
      let state = seed;
      const roll = () => (state = (state * 48_271 + 11) % 2_147_483_647) % 100;

      for (const life of story) {
        const mortal = new Mortal(life);
        afflict(world, life, roll);
        const deadlineMs = world.clock.now() + 1_800_000;
        const deps = mortalDeps(world, mortal, witness);
        const { running } = await run(
          world,
          deps,
          mortal.abort.signal,
          () => world.clock.now() > deadlineMs,
        );
        mortal.abort.abort(new DOMException("killed", "AbortError"));
        await running;
        world.clock.advance(life.deadMs);
      }

      const last: Life = {
        operations: Infinity,
        after: false,
        deadMs: 0,
        receiver: [0, 0, 0],
        sourceFaults: 0,
        maxSamples: 1000,
        warned: false,
      };
      const mortal = new Mortal(last);
      afflict(world, last, roll);
      const deps = mortalDeps(world, mortal, witness);
      const targetMs = world.clock.now();
      const { streamer, running } = await run(
        world,
        deps,
        mortal.abort.signal,
        () => CONFIG.queries.every(({ name }) => (witness.saved.get(name) ?? 0) > targetMs),
      );
      mortal.abort.abort(new DOMException("stopped", "AbortError"));
      await running;
      await assertOracle(world, streamer, witness);
    }),
    { numRuns: 15 },
  );
});

async function assertOracle(world: World, streamer: SignalsStreamer, witness: Witness) {
  const { receiver } = world;
  const all = new Set<string>();
  for (const { query, acknowledgedMs } of streamer.lag()) {
    const { expr } = CONFIG.queries.find(({ name }) => name === query)!;
    const gaps = receiver.gapsOf(query);
    const isExcused = (timeMs: number) =>
      gaps.some(({ startMs, endMs }) => startMs <= timeMs && timeMs <= endMs);
    const truth = world.truth(query, expr, witness.first.get(query)!, acknowledgedMs!, STEP);
    for (const [key, value] of truth) {
      all.add(key);
      const received = receiver.points.get(key);
      if (received !== undefined) assert.equal(received, value, key);
      else assert.ok(isExcused(JSON.parse(key)[2]), `${key} is missing and no gap names it`);
    }
    const ledger = await Deno.readTextFile(`${world.stateDir}/gaps/${query}.jsonl`).catch(() => "");
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
