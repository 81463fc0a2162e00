import assert from "node:assert/strict";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { canonicalJson } from "../../../src/core/canonical_json.ts";
import { decodeUtf8, sha256Hex } from "../../../src/core/encoding.ts";
import { SignalsBatch } from "../../../src/core/protocol.ts";
import { type BatchContent, encodeBatch } from "../../../src/core/signals/batch.ts";
import { compress } from "../../../src/core/signals/compression.ts";
import { cutSeries, decodeMatrix } from "../../../src/core/signals/matrix.ts";
import { halveWindow } from "../../../src/core/signals/windows.ts";

const STEPS = 5;
const WINDOW = { startMs: 1000, endMs: 1000 + (STEPS - 1) * 500, stepMs: 500 };
const times = Array.from({ length: STEPS }, (_, index) => 1 + index * 0.5);

const value = fc.oneof(
  fc.constantFrom("NaN", "+Inf", "-Inf", "1e-300", "0"),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
);
/** Names with two underscores are Prometheus' own; the schema's reader drops this one. */
const labelName = fc.string({ unit: "grapheme" }).filter((name) => name !== "__proto__");
const entry = fc.record({
  metric: fc.dictionary(labelName, fc.string({ unit: "grapheme" })),
  values: fc.subarray(times).chain((chosen) =>
    fc.tuple(...chosen.map((time) => fc.tuple(fc.constant(time), value)))
  ),
  histograms: fc.subarray(times).map((chosen) =>
    chosen.map((time) => [time, { count: "1", sum: "2.5", buckets: [[3, "-1", "1", "1"]] }])
  ),
});
const contents: fc.Arbitrary<BatchContent> = fc.record({
  clusterId: fc.string(),
  node: fc.option(fc.string({ minLength: 1, maxLength: 253 }), { nil: undefined }),
  query: fc.record({ name: fc.string(), expr: fc.string() }),
  window: fc.constant(WINDOW),
  series: fc.uniqueArray(entry, { selector: ({ metric }) => canonicalJson(metric) })
    .map((result) => decodeMatrix({ resultType: "matrix", result }, WINDOW)),
  gaps: fc.constantFrom(
    [],
    [{ startMs: 1000, endMs: 2000, reason: "warning" as const, detail: 'half "gone"' }],
  ),
});

Deno.test("encodeBatch() writes canonical JSON of the schema, with an id that can be checked", () => {
  fc.assert(fc.property(contents, (content) => {
    const { json, batchId } = encodeBatch(content);
    const text = decodeUtf8(json);
    const { batchId: stated, ...rest } = SignalsBatch.parse(JSON.parse(text));
    assert.equal(stated, batchId);
    assert.equal(text, canonicalJson({ batchId, ...rest }));
    assert.equal(batchId, sha256Hex(canonicalJson(rest)));
  }));
});

Deno.test("encodeBatch() gives the same bytes whatever the order of series and labels", () => {
  const a = { metric: { x: "1", y: "2" }, values: [[1, "1"]] };
  const b = { metric: { x: "0" }, values: [[1.5, "2"]] };
  const swapped = { metric: { y: "2", x: "1" }, values: [[1, "1"]] };
  const [first, second] = [[a, b], [b, swapped]].map((result) => {
    const series = decodeMatrix({ resultType: "matrix", result }, WINDOW);
    const query = { name: "q", expr: "e" };
    return encodeBatch({ clusterId: "c", query, window: WINDOW, series, gaps: [] });
  });
  assert.deepEqual(first, second);
});

Deno.test("encodeBatch() gives another id to any other content", () => {
  const base: BatchContent = {
    clusterId: "c",
    query: { name: "q", expr: "e" },
    window: WINDOW,
    series: [{ labels: "{}", values: [1, null, null, null, null], histograms: [] }],
    gaps: [],
  };
  const others: BatchContent[] = [
    { ...base, clusterId: "d" },
    { ...base, node: "a" },
    { ...base, node: "b" },
    { ...base, query: { name: "q", expr: "f" } },
    { ...base, window: { ...WINDOW, endMs: WINDOW.endMs + 500 } },
    { ...base, series: [{ ...base.series[0]!, values: [1, 0, null, null, null] }] },
    { ...base, gaps: [{ startMs: 1000, endMs: 1000, reason: "warning", detail: "" }] },
  ];
  const ids = new Set([base, ...others].map((content) => encodeBatch(content).batchId));
  assert.equal(ids.size, others.length + 1);
});

Deno.test("cutSeries() splits a window's data into exactly that data", () => {
  fc.assert(fc.property(contents, ({ series }) => {
    interface Points {
      values: unknown[];
      histograms: unknown[];
    }
    const rebuilt = new Map<string, Points>();
    for (const part of halveWindow(WINDOW)!) {
      const offset = (part.startMs - WINDOW.startMs) / WINDOW.stepMs;
      for (const { labels, values, histograms } of cutSeries(series, WINDOW, part)) {
        const whole: Points = rebuilt.get(labels) ??
          { values: Array(STEPS).fill(null), histograms: [] };
        values?.forEach((point, index) => whole.values[offset + index] = point);
        whole.histograms.push(...histograms.map((h) => ({ ...h, index: h.index + offset })));
        rebuilt.set(labels, whole);
      }
    }
    for (const { labels, values, histograms } of series) {
      if (!values && histograms.length === 0) continue;
      assert.deepEqual(rebuilt.get(labels), {
        values: values ?? Array(STEPS).fill(null),
        histograms,
      });
    }
  }));
});

Deno.test("compress() gives the same bytes each time, and they unpack", async () => {
  const bytes = new TextEncoder().encode("signals ".repeat(1000));
  for (const [encoding, unpack] of [["zstd", zstdDecompressSync], ["gzip", gunzipSync]] as const) {
    const packed = await compress(bytes, encoding);
    assert.deepEqual(packed, await compress(bytes, encoding));
    assert.deepEqual(new Uint8Array(unpack(packed)), bytes);
    assert.ok(packed.length < bytes.length / 10);
  }
});
