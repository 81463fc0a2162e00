import assert from "node:assert/strict";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { canonicalJson } from "../../../src/core/canonical_json.ts";
import { decodeUtf8, sha256Hex } from "../../../src/core/encoding.ts";
import { SignalsBatch } from "../../../src/core/protocol.ts";
import {
  type BatchContent,
  encodeBatch,
  type RangeSeries,
} from "../../../src/core/signals/batch.ts";
import { cutSeries, halvePiece, readBatchSeries } from "../../../src/core/signals/batch_pieces.ts";
import { compress, decompress } from "../../../src/core/signals/compression.ts";
import { halveWindow } from "../../../src/core/signals/windows.ts";
import { answers, GRID } from "./arbitrary_answer.ts";
import { decodeReference } from "./reference.ts";

const STEPS = 7;
const PACKED = { clusterId: "c", query: { name: "q", expr: "e" }, window: GRID };

const matrices = answers.map((bytes) => decodeReference(bytes, GRID).series);
const contents: fc.Arbitrary<BatchContent> = fc.record({
  clusterId: fc.string(),
  query: fc.record({ name: fc.string(), expr: fc.string() }),
  window: fc.constant(GRID),
  series: matrices,
  gaps: fc.constantFrom(
    [],
    [{ startMs: 1000, endMs: 2000, reason: "warning" as const, detail: 'half "gone"' }],
  ),
});

Deno.test("encodeBatch() writes canonical JSON of the schema, with an id that can be checked", () => {
  fc.assert(fc.property(contents, (content) => {
    const { json, batchId } = encodeBatch(content);
    const text = decodeUtf8(json);
    // A label named __proto__, which the schema's reader drops, would be missing here.
    const { batchId: stated, ...rest } = JSON.parse(text);
    assert.equal(stated, batchId);
    assert.equal(text, canonicalJson({ batchId, ...rest }));
    assert.equal(batchId, sha256Hex(canonicalJson(rest)));
    SignalsBatch.parse({ batchId, ...rest });
  }));
});

Deno.test("encodeBatch() gives another id to any other content", () => {
  const values = [1, null, null, null, null, null, null];
  const base: BatchContent = {
    ...PACKED,
    series: [{ labels: "{}", values, histograms: [] }],
    gaps: [],
  };
  const others: BatchContent[] = [
    { ...base, clusterId: "d" },
    { ...base, query: { name: "q", expr: "f" } },
    { ...base, window: { ...GRID, endMs: GRID.endMs + 250 } },
    { ...base, series: [{ ...base.series[0]!, values: [1, 0, null, null, null, null, null] }] },
    { ...base, gaps: [{ startMs: 1000, endMs: 1000, reason: "warning", detail: "" }] },
  ];
  const ids = new Set([base, ...others].map((content) => encodeBatch(content).batchId));
  assert.equal(ids.size, others.length + 1);
});

Deno.test("readBatchSeries() reads what encodeBatch() wrote", () => {
  fc.assert(fc.property(contents, (content) => {
    const kept = content.series.filter(({ values, histograms }) => values || histograms.length > 0)
      .map((one) => ({
        ...one,
        // Negative zero is zero in RFC 8785.
        values: one.values?.map((value) => value === 0 ? 0 : value) ?? null,
      }));
    assert.deepEqual(readBatchSeries(encodeBatch(content).json), kept);
  }));
});

Deno.test("cutSeries() splits a window's data into exactly that data", () => {
  fc.assert(fc.property(matrices, (series) => {
    interface Points {
      values: unknown[];
      histograms: unknown[];
    }
    const rebuilt = new Map<string, Points>();
    for (const part of halveWindow(GRID)!) {
      const offset = (part.startMs - GRID.startMs) / GRID.stepMs;
      for (const { labels, values, histograms } of cutSeries(series, GRID, part)) {
        const whole: Points = rebuilt.get(labels) ??
          { values: Array(STEPS).fill(null), histograms: [] };
        values?.forEach((point, index) => whole.values[offset + index] = point);
        whole.histograms.push(...histograms.map((h) => ({ ...h, index: h.index + offset })));
        rebuilt.set(labels, whole);
      }
    }
    for (const { labels, values, histograms } of series) {
      if (!values?.some((value) => value !== null) && histograms.length === 0) continue;
      assert.deepEqual(rebuilt.get(labels), {
        values: values ?? Array(STEPS).fill(null),
        histograms,
      });
    }
  }));
});

Deno.test("halvePiece() cuts along the longer side, and not what is one point", () => {
  const one = (n: number, steps: number): RangeSeries => ({
    labels: `{"n":"${n}"}`,
    values: Array(steps).fill(n),
    histograms: [],
  });
  const window = { startMs: 0, endMs: 1000, stepMs: 1000 };
  const wide = halvePiece({ window, series: [one(1, 2), one(2, 2), one(3, 2)] })!;
  assert.deepEqual(wide.map(({ series }) => series.length), [2, 1]);
  const long = halvePiece({ window, series: [one(1, 2)] })!;
  assert.deepEqual(long.map((piece) => piece.window.startMs), [0, 1000]);
  assert.equal(halvePiece({ window: { ...window, endMs: 0 }, series: [one(1, 1)] }), null);
  assert.equal(halvePiece({ window, series: [] }), null);
});

Deno.test("compress() gives the same bytes each time, and they unpack", async () => {
  const bytes = new TextEncoder().encode("signals ".repeat(1000));
  for (const [encoding, unpack] of [["zstd", zstdDecompressSync], ["gzip", gunzipSync]] as const) {
    const packed = await compress(bytes, encoding);
    assert.deepEqual(packed, await compress(bytes, encoding));
    assert.deepEqual(new Uint8Array(unpack(packed)), bytes);
    assert.deepEqual(await decompress(packed, encoding), bytes);
    assert.ok(packed.length < bytes.length / 10);
  }
});
