/** What a range query gives, in Prometheus and in VictoriaMetrics alike. */
import assert from "node:assert/strict";
import type { ContractTest } from "../contract.ts";
import {
  ask,
  call,
  form,
  post,
  type PrometheusTarget,
  START_S,
  valuesOf,
  windowOf,
} from "./target.ts";

const FIELDS = { query: "vector(1)", start: START_S, end: START_S + 60, step: 30 };

export const ANSWERS: readonly ContractTest<PrometheusTarget>[] = [
  {
    name: "query_range answers GET and POST alike: a matrix, both ends included",
    async run(target) {
      const posted = await post(target, FIELDS);
      const got = await call(target, `/api/v1/query_range?${form(FIELDS)}`);
      assert.equal(posted.status, 200);
      assert.equal(posted.headers.get("content-type"), "application/json");
      assert.deepEqual(posted.json, got.json);
      const times = [0, 30, 60].map((seconds) => START_S + seconds);
      assert.deepEqual(posted.json, {
        status: "success",
        data: {
          resultType: "matrix",
          result: [{ metric: {}, values: times.map((time) => [time, "1"]) }],
        },
      });
    },
  },
  {
    name: "query_range answers an empty matrix where there is nothing",
    async run(target) {
      const { status, json } = await post(target, { ...FIELDS, query: "there_is_no_such_metric" });
      const data = { resultType: "matrix", result: [] };
      assert.deepEqual([status, json], [200, { status: "success", data }]);
      const answer = await ask(target, "there_is_no_such_metric", windowOf(1000, 10));
      assert.ok(answer.kind === "series");
      assert.deepEqual([answer.columns, answer.truncated], [[], false]);
    },
  },
  {
    name: "query_range ends at the last point of its step, not past the end",
    async run(target) {
      const values = await valuesOf(target, "vector(1)", { end: START_S + 5, step: 2 });
      assert.deepEqual(values.map(([time]) => time - START_S), [0, 2, 4]);
    },
  },
  {
    name: "query_range takes milliseconds, durations and RFC 3339, and gives milliseconds back",
    async run(target) {
      const at = (ms: number) => `${START_S}.${String(ms).padStart(3, "0")}`;
      for (const step of ["0.007", "7ms"]) {
        const values = await valuesOf(target, "vector(1)", { start: at(7), end: at(21), step });
        assert.deepEqual(values, [7, 14, 21].map((ms) => [Number(at(ms)), "1"]));
      }
      const start = new Date(START_S * 1000).toISOString();
      const values = await valuesOf(target, "vector(1)", {
        start,
        end: START_S + 1,
        step: "500ms",
      });
      assert.deepEqual(values.map(([time]) => (time - START_S) * 1000), [0, 500, 1000]);
    },
  },
  {
    name: "query_range gives infinities and seventeen digits as they are",
    async run(target) {
      for (const text of ["+Inf", "-Inf", "0.30000000000000004", "-123.5"]) {
        assert.deepEqual(await valuesOf(target, `vector(${text})`), [[START_S, text]]);
        const answer = await ask(target, `vector(${text})`, windowOf(1000, 1));
        assert.ok(answer.kind === "series");
        const [value] = answer.columns[0]!.values!;
        assert.equal(String(value), text);
      }
    },
  },
  {
    name: "query_range gives the smallest and largest numbers in a form that is read exactly",
    async run(target) {
      for (const number of [1e-9, 5e-324, 1e21, 1.7976931348623157e308, 123456789012345680]) {
        const [[, text]] = await valuesOf(target, `vector(${number})`) as [[number, string]];
        assert.equal(Number(text), number);
        const answer = await ask(target, `vector(${number})`, windowOf(1000, 1));
        assert.ok(answer.kind === "series");
        assert.deepEqual(answer.columns[0]!.values, [number]);
      }
    },
  },
  {
    name: "query_range escapes labels as JSON does",
    async run(target) {
      const value = 'quote " backslash \\ newline \n ünïcödé';
      const quoted = JSON.stringify(value);
      const query = `label_replace(vector(1), "text", ${quoted}, "", "")`;
      const { json } = await post(target, { ...FIELDS, query });
      assert.deepEqual(json.data.result[0].metric, { text: value });
      const answer = await ask(target, query, windowOf(1000, 3));
      assert.ok(answer.kind === "series");
      assert.deepEqual(answer.columns, [
        { labels: JSON.stringify({ text: value }), values: [1, 1, 1], histograms: [] },
      ]);
    },
  },
  {
    name: "query_range compresses with gzip when asked, and says its own time",
    async run(target) {
      const { status, headers } = await call(target, `/api/v1/query_range?${form(FIELDS)}`, {
        headers: { "accept-encoding": "gzip" },
      });
      assert.equal(status, 200);
      assert.equal(headers.get("content-encoding"), "gzip");
      const answer = await ask(target, "vector(1)", windowOf(1000, 1000));
      assert.ok(answer.kind === "series");
      assert.equal(answer.columns[0]!.values!.length, 1000);
      assert.ok(Math.abs(answer.sourceTimeMs! - Date.now()) < 5000);
    },
  },
  {
    name: "query_range keeps a window on its grid, however many points it has",
    async run(target) {
      for (const [stepMs, steps] of [[1000, 10], [15_000, 51], [7000, 500], [100, 3000]] as const) {
        const startMs = Math.ceil(START_S * 1000 / stepMs) * stepMs;
        const window = { startMs, endMs: startMs + (steps - 1) * stepMs, stepMs };
        const answer = await ask(target, "vector(1)", window);
        assert.ok(answer.kind === "series");
        assert.deepEqual(answer.columns[0]!.values, new Array(steps).fill(1));
      }
    },
  },
  {
    name:
      "query_range answers ten thousand points of a label set that JSON must escape, as one series",
    async run(target) {
      const text = `quote " backslash \\ tab \t <&> \u2028 ${"long ".repeat(200)}`;
      const query = `label_replace(vector(0.1), "text", ${JSON.stringify(text)}, "", "")`;
      const answer = await ask(target, query, windowOf(100, 10_000));
      assert.ok(answer.kind === "series");
      assert.deepEqual([answer.series, answer.points, answer.truncated], [1, 10_000, false]);
      assert.deepEqual(answer.warnings, []);
      assert.equal(answer.columns[0]!.labels, JSON.stringify({ text }));
      assert.deepEqual(answer.columns[0]!.values, new Array(10_000).fill(0.1));
    },
  },
  {
    name: "query_range answers without compression when that is asked",
    async run(target) {
      const { status, headers } = await call(target, `/api/v1/query_range?${form(FIELDS)}`, {
        headers: { "accept-encoding": "identity" },
      });
      assert.deepEqual([status, headers.get("content-encoding")], [200, null]);
    },
  },
];
