import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeUtf8 } from "../../../../src/core/encoding.ts";
import type { HistogramPoint } from "../../../../src/core/protocol.ts";
import { makeGap } from "../../../../src/core/signals/gap_ledger.ts";
import { RemoteWriteBatch } from "../../../../src/core/signals/remote_write/batch.ts";
import { RemoteWritePacker } from "../../../../src/core/signals/remote_write/packer.ts";
import { SeriesLabels } from "../../../../src/core/signals/remote_write/series_labels.ts";
import type { WriteVersion } from "../../../../src/core/signals/remote_write/write_request.ts";
import { type DecodedSeries, decodeRequest, unpack } from "./decode.ts";

const START = 1_763_805_600_000;
const STEP = 15_000;
const NAN = "7ff8000000000001";
const STALE = "7ff0000000000002";

interface InputSeries {
  readonly labels: readonly (readonly [string, string])[];
  /** Text of a float by point, the look-behind one first; null where there is none. */
  readonly values: readonly (string | null)[];
  readonly histograms?: readonly HistogramPoint[];
}

interface Options {
  readonly steps: number;
  readonly version?: WriteVersion;
  readonly maxSamples?: number;
  readonly external?: Record<string, string>;
  readonly nativeHistograms?: boolean;
}

function packerOf(options: Options): RemoteWritePacker {
  const { steps, version = "1.0", maxSamples = 10_000, external = {} } = options;
  const window = { startMs: START, endMs: START + (steps - 1) * STEP, stepMs: STEP };
  const query = { name: "request-rate", expr: "x" };
  return new RemoteWritePacker({ clusterId: "c", query, window, lookBehind: 1 }, {
    version,
    maxSamples,
    labels: new SeriesLabels(external, "request_rate"),
    nativeHistograms: options.nativeHistograms ?? true,
  });
}

function feed(packer: RemoteWritePacker, input: readonly InputSeries[]): void {
  for (const { labels, values, histograms = [] } of input) {
    assert.equal(packer.begin(labels), true);
    values.forEach((text, index) => {
      if (text === null) return;
      const bytes = encodeUtf8(`"${text}"`);
      packer.float(index, bytes, 1, bytes.length - 1);
    });
    for (const point of histograms) packer.histogram(point);
    packer.end();
  }
}

async function pack(input: readonly InputSeries[], options: Options): Promise<RemoteWriteBatch[]> {
  const packer = packerOf(options);
  feed(packer, input);
  return [...await packer.finish([])];
}

function decode(batch: RemoteWriteBatch): DecodedSeries[] {
  return decodeRequest(unpack(batch.body), batch.packed.version);
}

/** `name` or whole labels, time relative to the window in steps, and bits. */
function flatten(batches: readonly RemoteWriteBatch[]): string[] {
  return batches.flatMap(decode).flatMap(({ labels, samples }) =>
    samples.map(({ bits, timestampMs }) =>
      `${JSON.stringify(labels)}@${(timestampMs - START) / STEP}=${bits}`
    )
  );
}

function bitsOf(text: string): string {
  const value = Number(text.replace("Inf", "Infinity"));
  if (Number.isNaN(value)) return NAN;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}

/** What must arrive: each point, and a marker at each first point without one. */
function expected(input: readonly InputSeries[]): string[] {
  return input.flatMap(({ labels, values }) =>
    values.flatMap((text, index) => {
      if (index === 0 || (text === null && values[index - 1] === null)) return [];
      const bits = text === null ? STALE : bitsOf(text);
      return [`${JSON.stringify(labels)}@${index - 1}=${bits}`];
    })
  );
}

const UP = [["__name__", "up"], ["job", "a"]] as const;

Deno.test("a write request of version 1.0 has exactly the bytes of its specification", async () => {
  const [batch] = await pack([{ labels: UP, values: [null, "1.5", "0"] }], { steps: 2 });
  const hex = (text: string) => encodeUtf8(text).toHex();
  const varint = (value: number): string => {
    let [text, rest] = ["", BigInt(value)];
    for (; rest > 0x7fn; rest >>= 7n) {
      text += Number((rest & 0x7fn) | 0x80n).toString(16).padStart(2, "0");
    }
    return text + Number(rest).toString(16).padStart(2, "0");
  };
  const body = [
    `0a0e0a08${hex("__name__")}1202${hex("up")}`,
    `0a080a03${hex("job")}1201${hex("a")}`,
    `121009000000000000f83f10${varint(START)}`,
    `120710${varint(START + STEP)}`,
  ].join("");
  assert.equal(unpack(batch!.body).toHex(), `0a${(body.length / 2).toString(16)}${body}`);
});

Deno.test("any series arrive as they were, with a marker wherever one has ended", async () => {
  const text = fc.oneof(
    fc.double().map((value) => Object.is(value, -0) ? "-0" : String(value).replace("inity", "")),
    fc.constantFrom("NaN", "+Inf", "-Inf", "0", "-0", "1e-300", "12345678901234567890"),
    fc.constant(null),
    fc.constant(null),
  );
  const series = fc.record({
    job: fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
    values: fc.array(text, { minLength: 9, maxLength: 9 }),
  });
  const any = fc.tuple(
    fc.uniqueArray(series, { selector: ({ job }) => job, maxLength: 12 }),
    fc.constantFrom<WriteVersion>("1.0", "2.0"),
    fc.integer({ min: 1, max: 30 }),
  );
  await fc.assert(
    fc.asyncProperty(any, async ([list, version, maxSamples]) => {
      const input = list.map(({ job, values }) => ({
        labels: [["__name__", "m"], ["job", job]] as const,
        values,
      }));
      const batches = await pack(input, { steps: 8, version, maxSamples });
      assert.deepEqual(flatten(batches), expected(input));
      for (const { packed, points } of batches) {
        assert.ok(packed.samples > 0 && packed.samples <= maxSamples);
        assert.ok(points <= packed.samples);
      }
      const points = batches.reduce((sum, batch) => sum + batch.points, 0);
      const given = input.flatMap(({ values }) => values.slice(1)).filter((one) => one !== null);
      assert.equal(points, given.length);

      // Halves, down to single points, and the other version hold the same.
      const single: string[] = [];
      const take = async (batch: RemoteWriteBatch): Promise<void> => {
        const halves = await batch.split();
        if (halves === null) {
          assert.equal(batch.packed.samples, 1);
          single.push(...flatten([batch]));
          return;
        }
        assert.equal(halves[0].points + halves[1].points, batch.points);
        for (const half of halves) {
          assert.ok(half.window.startMs >= batch.window.startMs);
          assert.ok(half.window.endMs <= batch.window.endMs);
          await take(half);
        }
      };
      for (const batch of batches) {
        await take(batch);
        const older = await batch.asVersion1();
        assert.equal(older.packed.version, "1.0");
        assert.deepEqual(flatten([older]), flatten([batch]));
      }
      assert.deepEqual(single.sort(), flatten(batches).sort());
    }),
    { numRuns: 150 },
  );
});

Deno.test("a series that was alive before the window and is not in it ends with its first point", async () => {
  const values = ["7", null, null, null];
  const batches = await pack([{ labels: UP, values }], { steps: 3 });
  assert.deepEqual(flatten(batches), [`${JSON.stringify(UP)}@0=${STALE}`]);
  assert.equal(batches[0]!.points, 0);
  // Alive to the end: nothing is said of what comes after the window.
  const whole = await pack([{ labels: UP, values: [null, "1", "2", "3"] }], { steps: 3 });
  assert.equal(whole[0]!.packed.samples, 3);
});

Deno.test("labels come in the order of their bytes, complete, and none is empty", async () => {
  const labels = [["", "x"], ["a", ""], ["\u{1f600}", "pair"], ["\u{ffff}", "last of the plane"]];
  const input = [{ labels: labels.slice(1) as [string, string][], values: [null, "1"] }];
  const external = { zone: "z", job: "external", "A": "1" };
  const [batch] = await pack(input, { steps: 1, external });
  assert.deepEqual(decode(batch!)[0]!.labels, [
    ["A", "1"],
    ["__name__", "request_rate"],
    ["job", "external"],
    ["zone", "z"],
    ["\u{ffff}", "last of the plane"],
    ["\u{1f600}", "pair"],
  ]);
  const own = await pack([{ labels: UP, values: [null, "1"] }], { steps: 1, external });
  assert.deepEqual(Object.fromEntries(decode(own[0]!)[0]!.labels)["job"], "a");
});

Deno.test("the same content has the same id, in whatever pieces it came", async () => {
  const input = [{ labels: UP, values: [null, "1", "2"] }];
  const packer = packerOf({ steps: 2, maxSamples: 1 });
  await packer.drain();
  feed(packer, input);
  await packer.drain();
  const drained = await packer.finish([]);
  const ids = (await pack(input, { steps: 2, maxSamples: 1 })).map(({ batchId }) => batchId);
  assert.deepEqual(drained.map(({ batchId }) => batchId), ids);
  assert.deepEqual(drained[0]!.origin.windowIds, ids);
  assert.equal(new Set(ids).size, 2);
});

Deno.test("nothing is sent where there was nothing", async () => {
  assert.deepEqual(await pack([], { steps: 2 }), []);
  assert.deepEqual(await pack([{ labels: UP, values: [null, null, null] }], { steps: 2 }), []);
});

Deno.test("gaps that end within the window go out as samples, after everything else", async () => {
  const packer = packerOf({ steps: 4, external: { cluster: "c1" } });
  feed(packer, [{ labels: UP, values: [null, "1"] }]);
  const batches = await packer.finish([
    makeGap({ startMs: START - STEP, endMs: START + STEP }, "warning", "a"),
    makeGap({ startMs: START + STEP, endMs: START + STEP }, "warning", "b"),
    makeGap({ startMs: START, endMs: START }, "source_error", "c"),
    makeGap({ startMs: START, endMs: START + 9 * STEP }, "truncated", "ends later"),
  ]);
  assert.deepEqual(batches.map(({ origin }) => origin.isAboutGaps), [false, true]);
  assert.deepEqual(
    decode(batches[1]!).map(({ labels, samples }) => [
      Object.fromEntries(labels),
      samples.map(({ value, timestampMs }) => [(timestampMs - START) / STEP, value]),
    ]),
    [["source_error", [[0, 15]]], ["warning", [[1, 45]]]].map(([reason, samples]) => [{
      __name__: "neuralops_connector_signal_gap_seconds",
      cluster: "c1",
      query: "request-rate",
      reason,
    }, samples]),
  );
});

const HISTOGRAM: HistogramPoint = {
  index: 2,
  count: "10.5",
  sum: "-3",
  buckets: [
    [1, "-2.82842712474619", "-2", "1"],
    [3, "-0.001", "0.001", "2.5"],
    [0, "0.7071067811865475", "1", "3"],
    [0, "1", "1.414213562373095", "2"],
    [0, "2.82842712474619", "4", "2"],
  ],
};

Deno.test("a native histogram travels as schema, spans and counts, and its end as one too", async () => {
  for (const version of ["1.0", "2.0"] as const) {
    const input = { labels: UP, values: [null, "1", null, null, null], histograms: [HISTOGRAM] };
    const batches = await pack([input], { steps: 4, version });
    // One form of a series to a request, in the order of time.
    assert.equal(batches.length, 2);
    const series = batches.flatMap(decode);
    assert.deepEqual(series.map(({ samples, histograms }) => [samples.length, histograms.length]), [
      [1, 0],
      [0, 2],
    ]);
    const [histogram, stale] = series[1]!.histograms;
    assert.deepEqual(
      { ...histogram, sumBits: undefined },
      {
        timestampMs: START + STEP,
        countFloat: 10.5,
        sum: -3,
        sumBits: undefined,
        schema: 1,
        zeroThreshold: 0.001,
        zeroCount: 2.5,
        negative: new Map([[3, 1]]),
        positive: new Map([[0, 3], [1, 2], [4, 2]]),
      },
    );
    assert.deepEqual([stale!.sumBits, stale!.timestampMs], [STALE, START + 2 * STEP]);
    assert.equal(stale!.countFloat, 1);
    assert.deepEqual([batches[1]!.points, batches[1]!.packed.histograms], [1, 2]);
    const halves = await batches[1]!.split();
    assert.deepEqual(halves!.map((half) => half.points), [1, 0]);
  }
});

Deno.test("empty histograms, which an older Prometheus stores before others, go out by themselves", async () => {
  const empty: HistogramPoint = { index: 1, count: "0", sum: "0", buckets: [] };
  const histograms = [empty, HISTOGRAM, { ...empty, index: 3 }];
  const values = [null, null, null, null, null, null];
  const batches = await pack([{ labels: UP, values, histograms }], { steps: 5 });
  assert.deepEqual(
    batches.flatMap(decode).map((one) => one.histograms.map(({ countFloat }) => countFloat)),
    [[0], [10.5], [0, 0]],
  );
});

Deno.test("histograms of every standard schema keep their buckets", () => {
  const any = fc.record({
    schema: fc.integer({ min: -4, max: 8 }),
    places: fc.uniqueArray(fc.integer({ min: -60, max: 60 }), { minLength: 1, maxLength: 12 }),
  });
  return fc.assert(fc.asyncProperty(any, async ({ schema, places }) => {
    const sorted = places.sort((a, b) => a - b);
    const bound = (place: number) => String(2 ** (place * 2 ** -schema));
    const buckets = sorted.map((place, i) =>
      [0, bound(place - 1), bound(place), String(i + 1)] as [number, string, string, string]
    );
    const histograms = [{ index: 1, count: "99", sum: "NaN", buckets }];
    const [batch] = await pack([{ labels: UP, values: [null, null], histograms }], { steps: 1 });
    const [histogram] = decode(batch!)[0]!.histograms;
    assert.equal(histogram!.schema, schema);
    assert.deepEqual(histogram!.positive, new Map(sorted.map((place, i) => [place, i + 1])));
    assert.equal(histogram!.sumBits, NAN);
  }));
});

Deno.test("a histogram that the receiver cannot be sent is a loss that says so", async () => {
  const custom: HistogramPoint = { ...HISTOGRAM, buckets: [[0, "-Inf", "0.3", "1"]] };
  const odd: HistogramPoint = { ...HISTOGRAM, buckets: [[0, "1", "1.9", "1"]] };
  const cases = [
    { point: custom, nativeHistograms: true, says: /no standard exponential schema/ },
    { point: odd, nativeHistograms: true, says: /no standard exponential schema/ },
    { point: HISTOGRAM, nativeHistograms: false, says: /nativeHistograms is false.*"job":"a"/ },
  ];
  for (const { point, nativeHistograms, says } of cases) {
    const packer = packerOf({ steps: 4, nativeHistograms });
    feed(packer, [{
      labels: UP,
      values: [null, "1"],
      histograms: [{ ...point, index: 0 }, point],
    }]);
    const [loss, ...more] = packer.losses();
    assert.deepEqual(more, []);
    assert.deepEqual([loss!.startMs, loss!.endMs], [START + STEP, START + STEP]);
    assert.equal(loss!.reason, "unsupported_by_receiver");
    assert.match(loss!.detail, says);
    // What was there before must not seem to go on.
    assert.deepEqual(flatten([...await packer.finish([])]).map((one) => one.slice(-18)), [
      `0=${bitsOf("1")}`,
      `1=${STALE}`,
    ]);
  }
});
