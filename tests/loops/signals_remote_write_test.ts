/** A remote-write receiver in the control plane's place: what it shows at each grid point is what the source has. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { HttpCredentials } from "../../src/adapters/http_credentials.ts";
import { Peer } from "../../src/adapters/peer.ts";
import { RemoteWriteSink } from "../../src/adapters/remote_write.ts";
import { RemoteWriteReceiver } from "../../src/adapters/remote_write_receiver.ts";
import { SendingFiles } from "../../src/adapters/sending_file.ts";
import type { Gap } from "../../src/core/protocol.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { SecretMask } from "../../src/log.ts";
import { SignalsStreamer } from "../../src/loops/signals.ts";
import type { SignalsDeps, SignalsSink } from "../../src/loops/signals_ports.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { systemHttp } from "../../src/runtime_deno/http.ts";
import { type FakeReceiver, STALE, startReceiver } from "../fakes/remote_write_receiver.ts";
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
  backfill: 3_600_000,
  backfillSpeed: 1000,
  startFrom: 600_000,
  maxSeries: 1000,
};
const pki = await createPki();

interface Stand extends AsyncDisposable {
  readonly world: World;
  readonly receiver: FakeReceiver;
  readonly gaps: Map<string, Gap>;
  deps(nativeHistograms?: boolean): SignalsDeps;
}

async function createStand(): Promise<Stand> {
  const world = await createWorld();
  const receiver = await startReceiver(pki);
  const peer = new Peer({ clock: world.clock, http: systemHttp }, {
    name: "the receiver",
    baseUrl: receiver.server.url,
    timeoutMs: 10_000,
    maxResponseBytes: 65_536,
    caPem: pki.caPem,
  });
  const gaps = new Map<string, Gap>();
  return {
    world,
    receiver,
    gaps,
    deps(nativeHistograms = true) {
      const credentials = new HttpCredentials(systemFiles, {}, new SecretMask(), peer.name);
      const deps = world.deps(CONFIG);
      return {
        ...deps,
        sink: new RemoteWriteSink(
          new RemoteWriteReceiver(peer, credentials, "auto", "test"),
          new SendingFiles(systemFiles, world.stateDir),
          { maxSamplesPerSend: 5, externalLabels: {}, nativeHistograms, outOfOrder: false },
          world.clock,
        ),
        gaps: {
          ...deps.gaps,
          pending: (query, afterMs) => deps.gaps.pending(query, afterMs),
          append: async (query, found, ...rest) => {
            for (const gap of found) gaps.set(`${query} ${gap.startMs} ${gap.reason}`, gap);
            await deps.gaps.append(query, found, ...rest);
          },
        },
      };
    },
    async [Symbol.asyncDispose]() {
      peer.close();
      await receiver.server.close();
      await world[Symbol.asyncDispose]();
    },
  };
}

/** The newest point at each grid point, as a query with a long lookback sees it; none where a series ended. */
function assertShows(
  { world, receiver }: Stand,
  expr: string,
  startMs: number,
  endMs: number,
  withHistograms: boolean,
): number {
  let compared = 0;
  for (
    const { labels, values, histograms } of world.prometheus.expected(expr, startMs, endMs, STEP)
  ) {
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => a < b ? -1 : 1));
    const held = new Map(values.map(([timeMs, text]) => [timeMs, bitsOf(text)]));
    for (const [timeMs, { count, sum }] of withHistograms ? histograms : []) {
      held.set(timeMs, `${Number(count)} ${Number(sum)}`);
    }
    let shown: string | undefined;
    for (let timeMs = startMs; timeMs <= endMs; timeMs += STEP) {
      shown = receiver.kept.get(key)?.get(timeMs) ?? shown;
      const expected = held.get(timeMs);
      assert.equal(shown === STALE ? undefined : shown, expected, `${key} at ${timeMs}`);
      compared += 1;
    }
  }
  return compared;
}

function bitsOf(text: string): string {
  if (text === "NaN") return "7ff8000000000001";
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Number(text.replace("Inf", "Infinity")));
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}

/** One life: until the process dies at an operation of disk or receiver, before or after it took effect. */
async function live(
  stand: Stand,
  deps: SignalsDeps,
  untilMs: number,
  death?: { readonly operation: number; readonly after: boolean },
): Promise<SignalsStreamer> {
  const abort = new AbortController();
  let left = death?.operation ?? Infinity;
  const mortal = async <T>(work: () => Promise<T>): Promise<T> => {
    const die = () => {
      abort.abort(new DOMException("killed", "AbortError"));
      throw abort.signal.reason;
    };
    abort.signal.throwIfAborted();
    left -= 1;
    if (left === 0 && !death!.after) die();
    const result = await work();
    if (left <= 0) die();
    return result;
  };
  const { sink, cursors } = deps;
  const dying: SignalsSink = {
    inOrderOnly: true,
    lookBehindSteps: sink.lookBehindSteps!,
    pack: (content) => sink.pack(content),
    send: (batch, signal) => mortal(() => sink.send(batch, signal)),
  };
  const streamer = new SignalsStreamer({
    ...deps,
    sink: dying,
    cursors: {
      ...cursors,
      load: (query) => cursors.load(query),
      save: (cursor) => mortal(() => cursors.save(cursor)),
    },
  });
  const running = streamer.run(abort.signal);
  await driveUntil(
    stand.world.clock,
    CONFIG.queries.length,
    running,
    () => streamer.lag().every(({ acknowledgedMs }) => (acknowledgedMs ?? 0) > untilMs),
    { lanes: 1 },
  );
  abort.abort(new DOMException("stopped", "AbortError"));
  await running;
  return streamer;
}

Deno.test("whenever the process dies, an in-order receiver shows what the source has, and no gap is said", async () => {
  const deaths = fc.array(
    fc.record({ operation: fc.integer({ min: 1, max: 60 }), after: fc.boolean() }),
    { maxLength: 4 },
  );
  await fc.assert(
    fc.asyncProperty(deaths, fc.boolean(), async (ends, atomic) => {
      await using stand = await createStand();
      stand.receiver.manners.atomic = atomic;
      const startMs = stand.world.clock.now() - CONFIG.startFrom;
      const untilMs = stand.world.clock.now() + 300_000;
      for (const end of ends) await live(stand, stand.deps(), untilMs, end);
      const streamer = await live(stand, stand.deps(), untilMs);
      for (const { query, acknowledgedMs } of streamer.lag()) {
        const { expr } = CONFIG.queries.find(({ name }) => name === query)!;
        assert.ok(assertShows(stand, expr, startMs, acknowledgedMs!, true) > 50);
      }
      assert.deepEqual([...stand.gaps.values()], []);
    }),
    { numRuns: 12 },
  );
});

Deno.test("histograms for a receiver without them become gaps, and the floats beside them arrive", async () => {
  await using stand = await createStand();
  const startMs = stand.world.clock.now() - CONFIG.startFrom;
  const untilMs = stand.world.clock.now();
  const streamer = await live(stand, stand.deps(false), untilMs);
  const { acknowledgedMs } = streamer.lag().find(({ query }) => query === "latency")!;
  assertShows(stand, "sim_latency", startMs, acknowledgedMs!, false);
  const gaps = [...stand.gaps.values()];
  assert.ok(gaps.length >= 5);
  assert.deepEqual([...new Set(gaps.map(({ reason }) => reason))], ["unsupported_by_receiver"]);
  const told = [...stand.receiver.kept].find(([labels]) => labels.includes("signal_gap_seconds"));
  assert.ok(told![0].includes('["query","latency"],["reason","unsupported_by_receiver"]'));
  assert.equal(told![1].size, gaps.length);
});
