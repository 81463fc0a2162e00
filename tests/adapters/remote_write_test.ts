import assert from "node:assert/strict";
import { HttpCredentials } from "../../src/adapters/http_credentials.ts";
import { Peer } from "../../src/adapters/peer.ts";
import { type RemoteWriteOptions, RemoteWriteSink } from "../../src/adapters/remote_write.ts";
import { type Protocol, RemoteWriteReceiver } from "../../src/adapters/remote_write_receiver.ts";
import { SendingFiles } from "../../src/adapters/sending_file.ts";
import { encodeUtf8 } from "../../src/core/encoding.ts";
import { makeGap } from "../../src/core/signals/gap_ledger.ts";
import type { RemoteWriteBatch } from "../../src/core/signals/remote_write/batch.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { InvalidInputError, StalledError, TransientError } from "../../src/errors.ts";
import { SecretMask } from "../../src/log.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { systemHttp } from "../../src/runtime_deno/http.ts";
import { FakeClock } from "../fakes/fake_clock.ts";
import { type FakeReceiver, startReceiver } from "../fakes/remote_write_receiver.ts";

const pki = await createPki();
const signal = new AbortController().signal;
const START = 1_763_805_600_000;
const STEP = 15_000;

type Values = Readonly<Record<string, readonly (string | null)[]>>;

interface Stand {
  readonly receiver: FakeReceiver;
  /** As another process with the same disk would have it. */
  open(options?: Partial<RemoteWriteOptions & { protocol: Protocol }>): RemoteWriteSink;
}

async function withStand(work: (stand: Stand) => Promise<void>): Promise<void> {
  const stateDir = `./reports/test/${crypto.randomUUID()}`;
  await Deno.mkdir(stateDir, { recursive: true });
  await Deno.writeTextFile(`${stateDir}/token`, "secret-token\n");
  const receiver = await startReceiver(pki);
  const peers: Peer[] = [];
  try {
    await work({
      receiver,
      open: ({ protocol = "auto", ...options } = {}) => {
        const peer = new Peer({ clock: new FakeClock(), http: systemHttp }, {
          name: "the receiver",
          baseUrl: `${receiver.server.url}/api/v1/write`,
          timeoutMs: 10_000,
          maxResponseBytes: 65_536,
          caPem: pki.caPem,
        });
        peers.push(peer);
        const auth = { bearerTokenFile: `${stateDir}/token` };
        const credentials = new HttpCredentials(systemFiles, auth, new SecretMask(), peer.name);
        return new RemoteWriteSink(
          new RemoteWriteReceiver(peer, credentials, protocol, "neuralops-connector/1.2.3"),
          new SendingFiles(systemFiles, stateDir),
          {
            maxSamplesPerSend: 4,
            externalLabels: {},
            nativeHistograms: false,
            outOfOrder: false,
            ...options,
          },
          new FakeClock(),
        );
      },
    });
  } finally {
    for (const peer of peers) peer.close();
    await receiver.server.close();
    await Deno.remove(stateDir, { recursive: true });
  }
}

/** @param values by metric, the point before the window first */
async function pack(
  sink: RemoteWriteSink,
  values: Values,
  { at = 0, query = "q" } = {},
): Promise<readonly RemoteWriteBatch[]> {
  const steps = Math.max(...Object.values(values).map(({ length }) => length)) - 1;
  const startMs = START + at * STEP;
  const window = { startMs, endMs: startMs + (steps - 1) * STEP, stepMs: STEP };
  const lookBehind = sink.lookBehindSteps;
  const content = { clusterId: "c", query: { name: query, expr: "x" }, window, lookBehind };
  const packer = sink.pack(content);
  for (const [name, texts] of Object.entries(values)) {
    packer.begin([["__name__", name]]);
    texts.forEach((text, index) => {
      if (text === null) return;
      const bytes = encodeUtf8(text);
      packer.float(index, bytes, 0, bytes.length);
    });
    packer.end();
  }
  return await packer.finish([]);
}

async function sendAll(sink: RemoteWriteSink, batches: readonly RemoteWriteBatch[]) {
  for (const batch of batches) await sink.send(batch, signal);
}

/** How many points each metric has at the receiver, its stale markers included. */
function counts({ kept }: FakeReceiver): Record<string, number> {
  return Object.fromEntries([...kept].map(([key, points]) => [JSON.parse(key)[0][1], points.size]));
}

const isRefused = (error: unknown) => error instanceof InvalidInputError;
const SIX = [null, "1", "2", "3", "4", "5", "6"];

Deno.test("a write request says what it is, by whom, and in which version", () =>
  withStand(async ({ receiver, open }) => {
    for (
      const [protocol, type, version] of [
        ["1.0", "application/x-protobuf", "0.1.0"],
        ["2.0", "application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"],
      ] as const
    ) {
      const sink = open({ protocol });
      await sendAll(sink, await pack(sink, { [`m${version.at(0)}`]: [null, "1"] }));
      const { headers } = receiver.requests.at(-1)!;
      assert.deepEqual(
        [
          "content-type",
          "content-encoding",
          "x-prometheus-remote-write-version",
          "user-agent",
          "authorization",
        ].map((name) => headers.get(name)),
        [type, "snappy", version, "neuralops-connector/1.2.3", "Bearer secret-token"],
      );
    }
    assert.deepEqual(counts(receiver), { m0: 1, m2: 1 });
  }));

Deno.test("auto finds out once which version a receiver speaks", () =>
  withStand(async ({ receiver, open }) => {
    for (
      const [knows2, versions] of [
        ["yes", ["2.0", "2.0"]],
        ["no", ["2.0", "1.0", "1.0"]],
        ["unaware", ["2.0", "1.0", "1.0"]],
      ] as const
    ) {
      receiver.manners.knows2 = knows2;
      receiver.requests.length = 0;
      const sink = open();
      await sendAll(sink, await pack(sink, { [knows2]: [null, "1", "2", "3", "4", "5"] }));
      assert.deepEqual(receiver.requests.map(({ version }) => version), versions);
    }
    assert.deepEqual(counts(receiver), { yes: 5, no: 5, unaware: 5 });
  }));

Deno.test("a receiver without 2.0 stalls a sender that may speak nothing else", () =>
  withStand(async ({ receiver, open }) => {
    for (const knows2 of ["no", "unaware"] as const) {
      receiver.manners.knows2 = knows2;
      const sink = open({ protocol: "2.0" });
      const [batch] = await pack(sink, { m: [null, "1"] });
      await assert.rejects(
        sink.send(batch!, signal),
        (error) => error instanceof StalledError && /remoteWrite\.protocol/.test(error.hint!),
      );
    }
    assert.deepEqual(counts(receiver), {});
  }));

Deno.test("a receiver that wrote less than it got is not believed", () =>
  withStand(async ({ receiver, open }) => {
    const sink = open({ protocol: "2.0", outOfOrder: true });
    const [batch] = await pack(sink, { m: [null, "1", "2"] });
    const server = receiver.server;
    receiver.manners.lostAnswers = 1;
    await assert.rejects(sink.send(batch!, signal), TransientError);
    server.faults.answer(204);
    await assert.rejects(sink.send(batch!, signal), StalledError);
    server.faults.clear();
    await sink.send(batch!, signal);
    assert.deepEqual(counts(receiver), { m: 2 });
  }));

Deno.test("each status asks for what can help: waiting, a person, or other content", () =>
  withStand(async ({ receiver, open }) => {
    const sink = open({ protocol: "1.0" });
    const [batch] = await pack(sink, { m: [null, "1"] });
    for (
      const [status, type, code] of [
        [401, StalledError, "access_denied"],
        [403, StalledError, "access_denied"],
        [404, StalledError, "config_invalid"],
        [408, TransientError, "unavailable"],
        [429, TransientError, "rate_limited"],
        [500, TransientError, "unavailable"],
        [503, TransientError, "unavailable"],
        [400, InvalidInputError, "malformed_request"],
        [413, InvalidInputError, "too_large"],
        [415, InvalidInputError, "malformed_request"],
        [422, InvalidInputError, "malformed_request"],
      ] as const
    ) {
      receiver.server.faults.answer(status, 1);
      await assert.rejects(
        sink.send(batch!, signal),
        (error) => error instanceof type && (error as StalledError).code === code,
        String(status),
      );
    }
    await sink.send(batch!, signal);
  }));

for (const atomic of [true, false]) {
  const kind = atomic ? "takes requests whole" : "keeps what is good of a request";
  Deno.test(`a window that is sent again arrives once, where the receiver ${kind}`, () =>
    withStand(async ({ receiver, open }) => {
      receiver.manners.atomic = atomic;
      const values = { a: SIX, b: SIX, c: ["0", null, "2", null, null, "5", "6"] };
      const first = open();
      const batches = await pack(first, values);
      assert.ok(batches.length > 3);
      // Whatever came of the first three: the process ended before the cursor was saved.
      await sendAll(first, batches.slice(0, 2));
      receiver.manners.lostAnswers = 1;
      await assert.rejects(first.send(batches[2]!, signal), TransientError);
      const second = open();
      await sendAll(second, await pack(second, values));
      // And once more, when the window was complete.
      const third = open();
      await sendAll(third, await pack(third, values));
      assert.deepEqual(counts(receiver), { a: 6, b: 6, c: 5 });
      await sendAll(third, await pack(third, { a: ["6", "7"] }, { at: 6 }));
      assert.equal(counts(receiver)["a"], 7);
    }));

  Deno.test(`a window that has changed meanwhile arrives too, where the receiver ${kind}`, () =>
    withStand(async ({ receiver, open }) => {
      receiver.manners.atomic = atomic;
      const first = open();
      await sendAll(first, (await pack(first, { a: SIX, b: SIX })).slice(0, 2));
      const second = open();
      // Cut otherwise, with a series more, and longer.
      const longer = { x: SIX, a: [...SIX, "7"], b: [...SIX, "7", "8"] };
      await sendAll(second, await pack(second, longer));
      // With the marks of the ends of a and x.
      assert.deepEqual(counts(receiver), { x: 7, a: 8, b: 8 });
    }));
}

Deno.test("a retry whose first try did arrive is no refusal", () =>
  withStand(async ({ receiver, open }) => {
    const sink = open();
    const [batch] = await pack(sink, { a: [null, "1", "2", "3"] });
    receiver.manners.lostAnswers = 1;
    await assert.rejects(sink.send(batch!, signal), TransientError);
    await sink.send(batch!, signal);
    assert.deepEqual(counts(receiver), { a: 3 });
  }));

Deno.test("what a receiver never had and will not take is refused, also after a restart", () =>
  withStand(async ({ receiver, open }) => {
    const foreign = open();
    await sendAll(foreign, await pack(foreign, { a: [null, "9"] }, { at: 9, query: "other" }));
    for (const sink of [open(), open()]) {
      const [batch] = await pack(sink, { a: [null, "1", "2"] });
      await assert.rejects(sink.send(batch!, signal), isRefused);
      const halves = await batch!.split();
      for (const half of halves!) await assert.rejects(sink.send(half, signal), isRefused);
    }
    assert.deepEqual(counts(receiver), { a: 1 });
  }));

Deno.test("what has become too old is refused, whether or not it went out before", () =>
  withStand(async ({ receiver, open }) => {
    const first = open();
    const [batch] = await pack(first, { a: [null, "1", "2"] });
    receiver.server.faults.answer(503, 1);
    await assert.rejects(first.send(batch!, signal), TransientError);
    receiver.manners.oldestMs = START + 1;
    const second = open();
    const [again] = await pack(second, { a: [null, "1", "2"] });
    assert.equal(again!.batchId, batch!.batchId);
    await assert.rejects(second.send(again!, signal), isRefused);
  }));

Deno.test("of a refused request the good halves are taken", () =>
  withStand(async ({ receiver, open }) => {
    receiver.manners.refuses = ({ labels }) => labels[0]![1] === "bad";
    const sink = open();
    const [batch] = await pack(sink, { bad: [null, "1"], good: [null, "1"] });
    await assert.rejects(sink.send(batch!, signal), isRefused);
    const [bad, good] = (await batch!.split())!;
    await assert.rejects(sink.send(bad, signal), isRefused);
    await sink.send(good, signal);
    assert.deepEqual(counts(receiver), { good: 1 });
    assert.equal((await bad.content()).description, '1 series {"__name__":"bad"}');
  }));

Deno.test("gaps that are told again, or late, hold nothing up", () =>
  withStand(async ({ receiver, open }) => {
    const sink = open();
    const window = { startMs: START, endMs: START + 3 * STEP, stepMs: STEP };
    const tell = async (ends: readonly number[]) => {
      const packer = sink.pack({ clusterId: "c", query: { name: "q", expr: "x" }, window });
      const gaps = ends.map((end) =>
        makeGap({ startMs: START, endMs: START + end * STEP }, "warning", "w")
      );
      await sendAll(sink, await packer.finish(gaps));
    };
    await tell([1]);
    await tell([1]);
    await tell([0, 1, 2]);
    await tell([0]);
    const [points] = receiver.kept.values();
    assert.deepEqual([...points!.keys()].map((ms) => (ms - START) / STEP), [1, 2]);
  }));

Deno.test("what the leader before has sent is no gap for the next one, which has no note of it", () =>
  withStand(async ({ receiver, open }) => {
    const first = open();
    await sendAll(first, await pack(first, { a: SIX, b: SIX }));
    receiver.manners.atomic = false;
    // Another machine: nothing of the first one's disk.
    const values = { a: [...SIX, "7"], b: [...SIX, "7"] };
    const next = open({ takesOver: true });
    await sendAll(next, await pack(next, values, { query: "other-disk" }));
    assert.deepEqual(counts(receiver), { a: 7, b: 7 });
    const alone = open();
    const [batch] = await pack(alone, values, { query: "one-agent" });
    await assert.rejects(alone.send(batch!, signal), isRefused);
  }));

Deno.test("a receiver that takes any order is told nothing twice, and no note is kept", () =>
  withStand(async ({ receiver, open }) => {
    receiver.manners.outOfOrder = true;
    const sink = open({ outOfOrder: true });
    assert.equal(sink.inOrderOnly, false);
    assert.equal(open().inOrderOnly, true);
    await sendAll(sink, await pack(sink, { a: [null, "3"] }, { at: 2 }));
    await sendAll(sink, await pack(sink, { a: [null, "1", "2"] }));
    assert.deepEqual(counts(receiver), { a: 3 });
  }));
