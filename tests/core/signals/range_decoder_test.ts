import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeUtf8 } from "../../../src/core/encoding.ts";
import { RangeDecoder } from "../../../src/core/signals/answer/range_decoder.ts";
import type { Labels } from "../../../src/core/signals/series_handler.ts";
import type { Window } from "../../../src/core/signals/windows.ts";
import { InvalidInputError } from "../../../src/errors.ts";
import { Collector, decodeStreamed } from "./collector.ts";

const START = 1_763_805_600_000;
const WINDOW: Window = { startMs: START, endMs: START + 3000, stepMs: 1000 };

function decode(body: unknown, window = WINDOW) {
  const bytes = encodeUtf8(typeof body === "string" ? body : JSON.stringify(body));
  return decodeStreamed(bytes, window);
}

function matrix(result: unknown, more: Record<string, unknown> = {}) {
  return { status: "success", data: { resultType: "matrix", result }, ...more };
}

const at = (index: number) => START / 1000 + index;
const isMalformed = (error: unknown) =>
  error instanceof InvalidInputError && error.code === "malformed_answer" &&
  error.hint !== undefined;

Deno.test("RangeDecoder puts floats, special floats and absent points on the grid", () => {
  const { columns, series, points } = decode(matrix([
    { metric: { b: "2", a: "1" }, values: [[at(0), "1.5e-3"], [at(1), "NaN"], [at(3), "-Inf"]] },
    { metric: { a: "0" }, values: [[at(2), "+Inf"]] },
  ]));
  assert.deepEqual([series, points], [2, 4]);
  assert.deepEqual(columns, [
    { labels: '{"a":"0"}', values: [null, null, "+Inf", null], histograms: [] },
    { labels: '{"a":"1","b":"2"}', values: [0.0015, "NaN", null, "-Inf"], histograms: [] },
  ]);
});

Deno.test("RangeDecoder reads histograms, with buckets and without, beside floats", () => {
  const histogram = { count: "3", sum: "0.5", buckets: [[3, "-0.1", "0.1", "3"]] };
  const { columns } = decode(matrix([{
    metric: {},
    histograms: [[at(1), histogram], [at(2), { count: "0", sum: "NaN" }]],
    values: [[at(0), "1"]],
  }]));
  assert.deepEqual(columns, [{
    labels: "{}",
    values: [1, null, null, null],
    histograms: [{ index: 1, ...histogram }, { index: 2, count: "0", sum: "NaN", buckets: [] }],
  }]);
});

Deno.test("RangeDecoder takes names in any order, and skips what it does not know", () => {
  const series = '{"x":[{}],"metric":{"a":"1"},"y":null,"values":[],"z":-1.5e3}';
  const data = `{"stats":{"a":[1,[true]]},"result":[${series}],"resultType":"matrix","n":"\\n"}`;
  const text = ` {\t"data" : ${data},"warnings":null,\r\n"infos":["i"],` +
    `"trace":{"children":[]},"stats":{"seriesFetched":"1"},"isPartial":false,"status":"success"}\n`;
  assert.deepEqual(decode(text), {
    series: 1,
    points: 0,
    warnings: [],
    truncated: false,
    columns: [{ labels: '{"a":"1"}', values: null, histograms: [] }],
  });
});

Deno.test("RangeDecoder takes times a hair off, white space and escapes in points", () => {
  const { columns } = decode(
    `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"\\u0061":"\\ud83d\\ude00"},` +
      `"values":[ [${at(0)}.0000001 , "\\u0031" ],[1.763805601e9,"2"],[${at(2)}.000,"3"] ] }]}}`,
  );
  assert.deepEqual(columns, [{ labels: '{"a":"😀"}', values: [1, 2, 3, null], histograms: [] }]);
});

Deno.test("RangeDecoder reports warnings, and truncation in each form it comes in", () => {
  const warned = decode(
    matrix([], { warnings: ["half a store is gone", "3 more warnings omitted"] }),
  );
  assert.deepEqual(warned.warnings, ["half a store is gone", "3 more warnings omitted"]);
  assert.equal(warned.truncated, false);
  assert.ok(decode(matrix([], { warnings: ["results truncated due to limit"] })).truncated);
  assert.ok(decode(matrix([], { isPartial: true })).truncated);
  const many = decode(matrix([], { warnings: Array(1000).fill("x".repeat(1000)) }));
  assert.deepEqual(many.warnings, Array(32).fill("x".repeat(500)));
});

Deno.test("RangeDecoder refuses what is not exactly a matrix on the grid", () => {
  const series = (part: Record<string, unknown>) => matrix([{ metric: {}, ...part }]);
  const text = (result: string) =>
    `{"status":"success","data":{"resultType":"matrix","result":[${result}]}}`;
  const one = { metric: { a: "1" }, values: [[at(0), "1"]] };
  const odd: unknown[] = [
    "",
    "<html>",
    "null",
    "[]",
    "{}",
    JSON.stringify(matrix([])) + "x",
    JSON.stringify(matrix([])).slice(0, -1),
    "\ufeff" + JSON.stringify(matrix([])),
    { status: "success" },
    matrix(null),
    matrix({}),
    { status: "error", data: matrix([]).data },
    { data: matrix([]).data },
    { status: "success", data: { resultType: "vector", result: [] } },
    { status: "success", data: { result: [] } },
    { status: "success", data: { resultType: "matrix" } },
    { status: "success", data: null },
    '{"status":"success","status":"success","data":{"resultType":"matrix","result":[]}}',
    '{"status":"success","data":{"resultType":"matrix","result":[],"result":[]}}',
    `{"status":"success","data":{"resultType":"matrix","result":[]},"a":${"[".repeat(100)}`,
    text('{"metric":{"a":"1","a":"1"}}'),
    text('{"metric":{"b":"1","a":"1","b":"2"}}'),
    text('{"metric":{"a":"1","\\u0061":"2"}}'),
    text('{"metric":{"a":"1"},"metric":{"a":"2"}}'),
    text('{"metric":{"a":"1"},"values":[],"values":[]}'),
    text('{"metric":{"a":"1",}}'),
    text('{"metric":{"a":"\\x"}}'),
    text('{"metric":{"a":"\n"}}'),
    text('{"metric":{}},'),
    text('{"metric":{"a":"1"}},{"metric":{"\\u0061":"1"}}'),
    text(`{"metric":{},"values":[[${at(0)},"1"],]}`),
    text(`{"metric":{},"values":[[0${at(0)},"1"]]}`),
    text(`{"metric":{},"values":[[${at(0)},"1",2]]}`),
    text(`{"metric":{},"values":[[${at(0)}.,"1"]]}`),
    text(`{"values":[[${at(0)},"1"]],"metric":{}}`),
    matrix([1]),
    matrix([{}]),
    matrix([{ metric: [] }]),
    matrix([{ metric: { a: 1 } }]),
    matrix([{ metric: { a: "\ud800" } }]),
    matrix([one, one]),
    matrix([], { warnings: [1] }),
    matrix([], { warnings: {} }),
    series({ values: {} }),
    series({ values: null }),
    series({ values: [[at(0)]] }),
    series({ values: [[at(0), 1]] }),
    series({ values: [["1", "1"]] }),
    series({ values: [[at(0) + 0.5, "1"]] }),
    series({ values: [[at(-1), "1"]] }),
    series({ values: [[at(4), "1"]] }),
    series({ values: [[at(1), "1"], [at(0), "1"]] }),
    series({ values: [[at(1), "1"], [at(1), "1"]] }),
    ...[
      "",
      " 1",
      "0x1",
      "1e999",
      "1_0",
      "infinity",
      "nan",
      "--1",
      "1-1",
      "1.1.1",
      "1,5",
      "1e",
      "e1",
    ]
      .map((value) => series({ values: [[at(0), value]] })),
    series({ values: [[at(0), "9".repeat(400)]] }),
    series({ histograms: [[at(0), "1"]] }),
    series({ histograms: [[at(0), { count: "1" }]] }),
    series({ histograms: [[at(0), { count: "1", sum: "x" }]] }),
    series({ histograms: [[at(0), { count: "1", sum: "1", buckets: null }]] }),
    series({ histograms: [[at(0), { count: "1", sum: "1", buckets: [[4, "0", "1", "1"]] }]] }),
    series({ histograms: [[at(0), { count: "1", sum: "1", buckets: [[0, "0", "1"]] }]] }),
    text(`{"metric":{},"histograms":[[${at(0)},{"count":"1","sum":"1","count":"1"}]]}`),
  ];
  for (const body of odd) {
    const bytes = encodeUtf8(typeof body === "string" ? body : JSON.stringify(body));
    for (const takesText of [false, true]) {
      assert.throws(
        () => decodeStreamed(bytes, WINDOW, [], takesText),
        isMalformed,
        JSON.stringify(body),
      );
    }
  }
  const invalid = encodeUtf8(JSON.stringify(matrix([one])));
  invalid[invalid.indexOf(0x61, 60)] = 0xff;
  assert.throws(() => decodeStreamed(invalid, WINDOW), isMalformed);
});

Deno.test("RangeDecoder checks the points of a series that nobody wants", () => {
  class Picky extends Collector {
    override begin(labels: Labels): boolean {
      return labels[0]![1] !== "2" && super.begin(labels);
    }
  }
  const answer = (value: string) =>
    encodeUtf8(JSON.stringify(matrix(["1", "2", "3"].map((n) => ({
      metric: { n },
      values: [[at(0), n], [at(1), n === "2" ? value : n]],
      histograms: [[at(2), { count: n, sum: n }]],
    })))));
  const picky = new Picky(WINDOW);
  const decoder = new RangeDecoder(WINDOW, picky, 1);
  decoder.push(answer("0"));
  const { series, points } = decoder.finish();
  assert.deepEqual([series, points], [3, 9]);
  assert.deepEqual(picky.series.map(({ labels }) => labels), ['{"n":"1"}', '{"n":"3"}']);
  const strict = new RangeDecoder(WINDOW, new Picky(WINDOW), 1);
  assert.throws(() => strict.push(answer("zero")), isMalformed);
});

Deno.test("RangeDecoder bounds every part of an answer that it must hold", () => {
  const long = "x".repeat(5 << 20);
  for (const body of [matrix([{ metric: { a: long } }]), matrix([], { trace: long })]) {
    const bytes = encodeUtf8(JSON.stringify(body));
    const cuts = Array.from({ length: bytes.length >> 16 }, (_, index) => (index + 1) << 16);
    assert.throws(() => decodeStreamed(bytes, WINDOW, cuts), isMalformed);
  }
});

Deno.test("RangeDecoder throws nothing but malformed_answer on any JSON at any place", () => {
  const good = matrix([{
    metric: { a: "1" },
    values: [[at(0), "1"], [at(2), "NaN"]],
    histograms: [[at(1), { count: "1", sum: "2", buckets: [[0, "0", "1", "1"]] }]],
  }], { warnings: ["w"] });
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(), (junk, place) => {
      const spots: [Record<string, unknown>, string][] = [];
      const body = structuredClone(good) as Record<string, unknown>;
      (function collect(value: unknown) {
        if (typeof value !== "object" || value === null) return;
        for (const key of Object.keys(value)) {
          spots.push([value as Record<string, unknown>, key]);
          collect((value as Record<string, unknown>)[key]);
        }
      })(body);
      const [parent, key] = spots[place % spots.length]!;
      parent[key] = junk;
      for (const candidate of [body, junk]) {
        try {
          decode(candidate);
        } catch (error) {
          assert.ok(isMalformed(error), String(error));
        }
      }
    }),
    { numRuns: 2000 },
  );
});
