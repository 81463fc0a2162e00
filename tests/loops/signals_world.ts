/** What the streamer's tests share: a real Prometheus API over TLS, a real disk, a receiver that can fail. */
import assert from "node:assert/strict";
import { zstdDecompressSync } from "node:zlib";
import { CursorFiles } from "../../src/adapters/cursor_file.ts";
import { GapFiles } from "../../src/adapters/gap_file.ts";
import { Peer } from "../../src/adapters/peer.ts";
import { PrometheusSource } from "../../src/adapters/prometheus.ts";
import { QuarantineFolder } from "../../src/adapters/quarantine_folder.ts";
import { decodeUtf8 } from "../../src/core/encoding.ts";
import { HealthBoard } from "../../src/core/health.ts";
import { type Gap, SignalsBatch } from "../../src/core/protocol.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { type EmbeddedPrometheus, startPrometheus } from "../../src/embedded/prometheus.ts";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import { type PackerLimits, SignalsPacker } from "../../src/core/signals/pack/signals_packer.ts";
import type { OutgoingBatch, PackedWindow, Packer } from "../../src/core/signals/series_handler.ts";
import type { SignalsDeps, SignalsSink } from "../../src/loops/signals_ports.ts";
import { createMetrics } from "../../src/metrics.ts";
import { systemRandom } from "../../src/runtime_deno.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { systemHttp } from "../../src/runtime_deno/http.ts";
import { FakeClock } from "../fakes/fake_clock.ts";

/** Keeps what it acknowledged, point by point, and insists that a repeated batch is the same bytes. */
export class Receiver implements SignalsSink {
  readonly points = new Map<string, string>();
  readonly gaps = new Map<string, Gap>();
  /** Each once, however often it was sent. */
  readonly batches: SignalsBatch[] = [];
  readonly #bytes = new Map<string, Uint8Array>();
  /** Called before and after a batch is taken; whatever it throws goes to the sender. */
  onSend: (batch: SignalsBatch, taken: boolean) => void = () => {};

  constructor(private readonly limits: PackerLimits) {}

  pack(window: PackedWindow): Packer {
    return new SignalsPacker(window, "zstd", this.limits);
  }

  send({ body, batchId, query, points }: OutgoingBatch): Promise<void> {
    const batch = SignalsBatch.parse(JSON.parse(decodeUtf8(zstdDecompressSync(body))));
    assert.equal(batch.batchId, batchId);
    assert.equal(batch.query.name, query);
    try {
      this.onSend(batch, false);
      this.#take(batch, body, points);
      this.onSend(batch, true);
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  gapsOf(query: string): Gap[] {
    return [...this.gaps].filter(([key]) => JSON.parse(key)[0] === query).map(([, gap]) => gap);
  }

  #take(batch: SignalsBatch, body: Uint8Array, points: number): void {
    const known = this.#bytes.get(batch.batchId);
    if (known) {
      assert.deepEqual(body, known, "a repeated batch differs");
      return;
    }
    this.#bytes.set(batch.batchId, body);
    this.batches.push(batch);
    let counted = 0;
    const { name } = batch.query;
    const { startMs, stepMs } = batch.window;
    const put = (labels: Record<string, string>, index: number, point: unknown) => {
      counted += 1;
      this.#put(pointKey(name, labels, startMs + index * stepMs), JSON.stringify(point));
    };
    for (const { labels, values } of batch.series) {
      values.forEach((value, index) => value === null || put(labels, index, value));
    }
    for (const { labels, points } of batch.histograms) {
      for (const { index, ...point } of points) put(labels, index, point);
    }
    for (const gap of batch.gaps) this.gaps.set(JSON.stringify([name, gap]), gap);
    assert.equal(counted, points);
  }

  #put(key: string, point: string): void {
    const before = this.points.get(key);
    assert.ok(before === undefined || before === point, `${key} changed`);
    this.points.set(key, point);
  }
}

export function pointKey(query: string, labels: Record<string, string>, timeMs: number): string {
  return JSON.stringify([query, Object.entries(labels).sort(), timeMs]);
}

export interface World extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly prometheus: EmbeddedPrometheus;
  readonly receiver: Receiver;
  readonly health: HealthBoard;
  readonly logged: string[];
  readonly stateDir: string;
  deps(config: SignalsDeps["config"]): SignalsDeps;
  /** Everything that the source holds for a query between two times, keyed as the receiver keys it. */
  truth(query: string, expr: string, startMs: number, endMs: number, stepMs: number): Map<
    string,
    string
  >;
}

export interface WorldOptions extends PackerLimits {
  readonly maxResponseBytes?: number;
}

export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const clock = new FakeClock();
  const pki = await createPki();
  const prometheus = await startPrometheus({ pki, clock });
  const stateDir = `./reports/test/${crypto.randomUUID()}`;
  await Deno.mkdir(stateDir, { recursive: true });
  const runtime = { clock, random: systemRandom, files: systemFiles, http: systemHttp };
  const peer = new Peer(runtime, {
    name: "Prometheus",
    baseUrl: prometheus.url,
    caPem: pki.caPem,
    timeoutMs: 10_000,
    maxResponseBytes: options.maxResponseBytes ?? 1 << 24,
  });
  const receiver = new Receiver(options);
  const health = new HealthBoard(() => clock.now());
  const logged: string[] = [];
  const log = new JsonLogger(clock, (line) => logged.push(line), "debug", new SecretMask());
  return {
    clock,
    prometheus,
    receiver,
    health,
    logged,
    stateDir,
    deps: (config) => ({
      config,
      clusterId: () => "c-test",
      source: new PrometheusSource(peer, systemFiles, {}, new SecretMask(), systemRandom),
      sink: receiver,
      cursors: new CursorFiles(systemFiles, stateDir),
      gaps: new GapFiles(systemFiles, stateDir),
      quarantine: new QuarantineFolder(systemFiles, stateDir),
      clock,
      random: systemRandom,
      log,
      health,
      metrics: createMetrics(),
    }),
    truth(query, expr, startMs, endMs, stepMs) {
      const points = new Map<string, string>();
      for (const series of prometheus.expected(expr, startMs, endMs, stepMs)) {
        for (const [timeMs, text] of series.values) {
          const value = Number.isFinite(Number(text)) ? Number(text) : text;
          points.set(pointKey(query, series.labels, timeMs), JSON.stringify(value));
        }
        for (const [timeMs, { count, sum, buckets = [] }] of series.histograms) {
          const point = JSON.stringify({ count, sum, buckets });
          points.set(pointKey(query, series.labels, timeMs), point);
        }
      }
      return points;
    },
    async [Symbol.asyncDispose]() {
      peer.close();
      await prometheus.close();
      await Deno.remove(stateDir, { recursive: true });
    },
  };
}

/**
 * How long a lane may be busy with network and disk before the clock goes on without it: long for a slow
 * machine, which must not make what is fresh look late.
 */
const TURNS = 500;

/**
 * Moves the clock on whenever all lanes of all queries sleep, until `done`. A query that has not read its
 * cursor yet has one sleeper in place of its lanes, so the wait for the others has an end.
 * @param options.turns of the event loop until then; few where a query is known not to get its cursor
 */
export async function driveUntil(
  clock: FakeClock,
  queries: number,
  running: Promise<void>,
  done: () => boolean,
  { lanes = 2, stepMs = 1000, turns = TURNS } = {},
): Promise<void> {
  let ended = false;
  const end = running.finally(() => ended = true);
  while (!done() && !ended) {
    await Promise.race([clock.whenSleeping(queries), end]);
    for (let turn = 0; turn < turns && !ended && clock.sleeping < queries * lanes; turn++) {
      await new Promise((resolve) => setTimeout(resolve));
    }
    clock.advance(stepMs);
  }
}
