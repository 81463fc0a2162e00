import assert from "node:assert/strict";
import { zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { decodeUtf8 } from "../../../src/core/encoding.ts";
import type { Gap } from "../../../src/core/protocol.ts";
import { RangeDecoder } from "../../../src/core/signals/answer/range_decoder.ts";
import { encodeBatch, type RangeSeries } from "../../../src/core/signals/batch.ts";
import { readBatchSeries } from "../../../src/core/signals/batch_pieces.ts";
import { type PackerLimits, SignalsPacker } from "../../../src/core/signals/pack/signals_packer.ts";
import type { OutgoingBatch } from "../../../src/core/signals/series_handler.ts";
import { InvalidInputError } from "../../../src/errors.ts";
import { answers, GRID } from "./arbitrary_answer.ts";
import { decodeReference } from "./reference.ts";

const PACKED = { clusterId: "c", query: { name: "q", expr: "e" }, window: GRID };
const GAP: Gap = { startMs: GRID.startMs, endMs: GRID.endMs, reason: "warning", detail: "half" };

async function pack(
  bytes: Uint8Array,
  gaps: readonly Gap[] = [],
  limits: PackerLimits = {},
  pieces = 1,
): Promise<readonly OutgoingBatch[]> {
  const packer = new SignalsPacker(PACKED, "zstd", limits);
  const decoder = new RangeDecoder(GRID, packer, 1);
  const size = Math.ceil(bytes.length / pieces);
  for (let from = 0; from < bytes.length; from += size) {
    decoder.push(bytes.subarray(from, from + size));
    await packer.drain();
  }
  decoder.finish();
  return await packer.finish(gaps);
}

const unpack = ({ body }: OutgoingBatch) => zstdDecompressSync(body);
const byLabels = (a: RangeSeries, b: RangeSeries) => a.labels < b.labels ? -1 : 1;

/** As it is held by batches: without series that have no point, and without negative zero. */
function held(bytes: Uint8Array): RangeSeries[] {
  return decodeReference(bytes, GRID).series
    .filter(({ values, histograms }) => values || histograms.length > 0)
    .map(({ values, ...rest }) => ({
      ...rest,
      values: values?.map((value) => value === 0 ? 0 : value) ?? null,
    }));
}

Deno.test("SignalsPacker writes the very bytes that the whole matrix gives", async () => {
  await fc.assert(
    fc.asyncProperty(answers, fc.constantFrom([], [GAP]), async (bytes, gaps) => {
      const { series } = decodeReference(bytes, GRID);
      // Ordered by bytes, where the reference goes by UTF-16 units: the same below U+D800.
      fc.pre(series.every(({ labels }) => !/[\ud800-\uffff]/.test(labels)));
      const [batch, ...others] = await pack(bytes, gaps);
      const expected = encodeBatch({ ...PACKED, series, gaps });
      assert.equal(decodeUtf8(unpack(batch!)), decodeUtf8(expected.json));
      assert.equal(batch!.batchId, expected.batchId);
      assert.equal(batch!.points, expected.points);
      assert.equal(batch!.headers["idempotency-key"], expected.batchId);
      assert.deepEqual(others, []);
    }),
    { numRuns: 300 },
  );
});

Deno.test("SignalsPacker gives the same parts whatever the pieces; together they are the window", async () => {
  await fc.assert(
    fc.asyncProperty(answers, fc.integer({ min: 1, max: 50 }), async (bytes, pieces) => {
      const limits = { batchBytes: 100 };
      const parts = await pack(bytes, [GAP], limits, pieces);
      const again = await pack(bytes, [GAP], limits);
      assert.deepEqual(parts.map(({ batchId }) => batchId), again.map(({ batchId }) => batchId));
      assert.deepEqual(parts.map(({ body }) => body), again.map(({ body }) => body));
      const together = parts.flatMap((part) => readBatchSeries(unpack(part)));
      assert.deepEqual(together.sort(byLabels), held(bytes));
      const gaps = parts.map((part) => JSON.parse(decodeUtf8(unpack(part))).gaps);
      assert.deepEqual(gaps.pop(), [GAP]);
      assert.deepEqual(gaps.flat(), []);
    }),
    { numRuns: 200 },
  );
});

Deno.test("a batch splits into exactly itself, down to single points", async () => {
  await fc.assert(
    fc.asyncProperty(answers, async (bytes) => {
      const points: string[] = [];
      const stack = [...await pack(bytes)];
      for (let batch = stack.pop(); batch; batch = stack.pop()) {
        const halves = await batch.split();
        if (halves) {
          assert.equal(halves[0].points + halves[1].points, batch.points);
          stack.push(...halves);
          continue;
        }
        assert.ok(batch.points <= 2, "a float and a histogram of one series at one time at most");
        for (const { labels, values, histograms } of readBatchSeries(unpack(batch))) {
          const time = batch.window.startMs;
          if (values) points.push(JSON.stringify([labels, time, values[0]]));
          for (const { index: _, ...h } of histograms) {
            points.push(JSON.stringify([labels, time, h]));
          }
        }
      }
      const expected = held(bytes).flatMap(({ labels, values, histograms }) => [
        ...(values ?? []).flatMap((value, index) =>
          value === null
            ? []
            : [JSON.stringify([labels, GRID.startMs + index * GRID.stepMs, value])]
        ),
        ...histograms.map(({ index, buckets, count, sum }) =>
          JSON.stringify([labels, GRID.startMs + index * GRID.stepMs, { buckets, count, sum }])
        ),
      ]);
      assert.deepEqual(points.sort(), expected.sort());
    }),
    { numRuns: 50 },
  );
});

Deno.test("a batch says what it holds, for the quarantine", async () => {
  const text = (n: number) => `{"metric":{"n":"${n}"},"values":[[${GRID.startMs / 1000},"1"]]}`;
  const answer = (list: string[]) =>
    new TextEncoder().encode(
      `{"status":"success","data":{"resultType":"matrix","result":[${list}]}}`,
    );
  const [one] = await pack(answer([text(1)]));
  const content = await one!.content();
  assert.equal(content.description, 'series {"n":"1"}');
  assert.deepEqual(content.bytes, new Uint8Array(unpack(one!)));
  const [two] = await pack(answer([text(1), text(2)]));
  assert.equal((await two!.content()).description, "2 series");
});

Deno.test("SignalsPacker refuses a window that is too large even compressed", async () => {
  const bytes = fc.sample(answers, { numRuns: 50, seed: 1 }).sort((a, b) =>
    b.length - a.length
  )[0]!;
  await assert.rejects(
    pack(bytes, [], { maxWindowBytes: 50 }),
    (error) => error instanceof InvalidInputError && error.code === "too_large",
  );
});
