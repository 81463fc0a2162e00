import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeUtf8 } from "../../../src/core/encoding.ts";
import {
  type RangeAnswer,
  readFailure,
  readSuccess,
} from "../../../src/core/signals/range_answer.ts";
import type { Window } from "../../../src/core/signals/windows.ts";
import {
  ConnectorError,
  InvalidInputError,
  StalledError,
  TransientError,
} from "../../../src/errors.ts";

const START = 1_763_805_600_000;
const WINDOW: Window = { startMs: START, endMs: START + 3000, stepMs: 1000 };
const JSON_TYPE = { "content-type": "application/json" };

function success(body: unknown, headers: Record<string, string> = JSON_TYPE): RangeAnswer {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return readSuccess(
    { status: 200, headers: new Headers(headers), body: encodeUtf8(text) },
    WINDOW,
  );
}

function matrix(result: unknown, more: Record<string, unknown> = {}) {
  return { status: "success", data: { resultType: "matrix", result }, ...more };
}

const EXPR = "sum(pod_memory_limit_bytes)";

function failure(status: number, body: unknown) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return readFailure({ status, headers: new Headers(), body: encodeUtf8(text) }, EXPR);
}

const apiError = (errorType: string, error: string) => ({ status: "error", errorType, error });
const at = (index: number) => START / 1000 + index;
const isMalformed = (error: unknown) =>
  error instanceof InvalidInputError && error.code === "malformed_answer" &&
  error.hint !== undefined;

Deno.test("readSuccess() puts floats, special floats and absent points into columns", () => {
  const answer = success(matrix([
    { metric: { b: "2", a: "1" }, values: [[at(0), "1.5e-3"], [at(1), "NaN"], [at(3), "-Inf"]] },
    { metric: { a: "0" }, values: [[at(2), "+Inf"]] },
  ]));
  assert.equal(answer.kind, "series");
  assert.deepEqual(answer.series, [
    { labels: '{"a":"0"}', values: [null, null, "+Inf", null], histograms: [] },
    { labels: '{"a":"1","b":"2"}', values: [0.0015, "NaN", null, "-Inf"], histograms: [] },
  ]);
});

Deno.test("readSuccess() reads histograms, with buckets and without, beside floats", () => {
  const histogram = { count: "3", sum: "0.5", buckets: [[3, "-0.1", "0.1", "3"]] };
  const answer = success(matrix([{
    metric: {},
    values: [[at(0), "1"]],
    histograms: [[at(1), histogram], [at(2), { count: "0", sum: "NaN" }]],
  }]));
  assert.equal(answer.kind, "series");
  assert.deepEqual(answer.series[0]!.histograms, [
    { index: 1, ...histogram },
    { index: 2, count: "0", sum: "NaN", buckets: [] },
  ]);
  assert.deepEqual(answer.series[0]!.values, [1, null, null, null]);
});

Deno.test("readSuccess() takes an empty result, infos and times a hair off as they are", () => {
  assert.deepEqual(success(matrix([], { infos: ["metric might not be a counter"] })), {
    kind: "series",
    series: [],
    warnings: [],
    truncated: false,
    sourceTimeMs: null,
  });
  const answer = success(matrix([{ metric: {}, values: [[at(1) + 1e-7, "1"]] }]));
  assert.ok(answer.kind === "series" && answer.series[0]!.values![1] === 1);
});

Deno.test("readSuccess() reports warnings, truncation and the source's clock", () => {
  const headers = { ...JSON_TYPE, date: "Sat, 22 Nov 2025 10:00:00 GMT" };
  const warned = success(matrix([], { warnings: ["half a store is gone"] }), headers);
  assert.ok(warned.kind === "series" && !warned.truncated && warned.warnings.length === 1);
  assert.equal(warned.sourceTimeMs, START);
  const cut = success(matrix([], { warnings: ["results truncated due to limit"] }));
  assert.ok(cut.kind === "series" && cut.truncated);
  const partial = success(matrix([], { isPartial: true }));
  assert.ok(partial.kind === "series" && partial.truncated);
});

Deno.test("readSuccess() refuses what is not exactly a matrix on the grid", () => {
  const series = (part: Record<string, unknown>) => matrix([{ metric: {}, ...part }]);
  const one = { metric: { a: "1" }, values: [[at(0), "1"]] };
  const odd: unknown[] = [
    "",
    "<html>",
    "null",
    "[]",
    "{}",
    { status: "success" },
    matrix(null),
    matrix({}),
    { status: "error", data: matrix([]).data },
    { status: "success", data: { resultType: "vector", result: [] } },
    matrix([1]),
    matrix([{}]),
    matrix([{ metric: [] }]),
    matrix([{ metric: { a: 1 } }]),
    matrix([{ metric: { a: "\ud800" } }]),
    matrix([one, one]),
    matrix([], { warnings: [1] }),
    series({ values: {} }),
    series({ values: [[at(0)]] }),
    series({ values: [[at(0), 1]] }),
    series({ values: [["1", "1"]] }),
    series({ values: [[at(0) + 0.5, "1"]] }),
    series({ values: [[at(-1), "1"]] }),
    series({ values: [[at(4), "1"]] }),
    series({ values: [[at(1), "1"], [at(0), "1"]] }),
    series({ values: [[at(1), "1"], [at(1), "1"]] }),
    ...["", " 1", "0x1", "1e999", "1_0", "infinity", "nan", "--1", "1,5"].map((text) =>
      series({ values: [[at(0), text]] })
    ),
    series({ histograms: [[at(0), "1"]] }),
    series({ histograms: [[at(0), { count: "1" }]] }),
    series({ histograms: [[at(0), { count: "1", sum: "1", buckets: [[4, "0", "1", "1"]] }]] }),
    series({ histograms: [[at(0), { count: "1", sum: "1", buckets: [[0, "0", "1"]] }]] }),
  ];
  for (const body of odd) assert.throws(() => success(body), isMalformed, JSON.stringify(body));
  assert.throws(() => success(matrix([]), { "content-type": "text/html" }), isMalformed);
  assert.throws(() => success(matrix([]), {}), isMalformed);
});

Deno.test("readSuccess() throws nothing but malformed_answer on any JSON at any place", () => {
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
          success(candidate);
        } catch (error) {
          assert.ok(isMalformed(error), String(error));
        }
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("readSuccess() throws nothing but malformed_answer on any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
    assert.throws(
      () => readSuccess({ status: 200, headers: new Headers(JSON_TYPE), body }, WINDOW),
      isMalformed,
    );
  }));
});

Deno.test("readFailure() knows what to split, what to leave and what to wait for", () => {
  const tooMany = "query processing would load too many samples into memory in query execution";
  const points = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing";
  const kinds: [number, unknown, string | null][] = [
    [422, apiError("execution", tooMany), "too_large"],
    [422, apiError("422", "cannot select more than -search.maxSamplesPerQuery=1"), "too_large"],
    [422, apiError("execution", "found duplicate series for the match group"), "rejected"],
    [422, apiError("execution", 'duplicate series for {resource="limits"}'), "rejected"],
    [422, apiError("422", `cannot parse "${EXPR}": unexpected token`), "rejected"],
    [422, apiError("422", `query="${EXPR}": the number of series exceeds 10`), "too_large"],
    [400, apiError("bad_data", points), "too_large"],
    [400, apiError("bad_data", 'invalid parameter "query": parse error'), "rejected"],
    [400, "not json", "rejected"],
    [413, "", "too_large"],
    [503, apiError("timeout", "query timed out in expression evaluation"), "timeout"],
    [504, "gateway timeout", "timeout"],
    [503, "Service Unavailable", null],
    [500, apiError("internal", "unavailable"), null],
    [502, "", null],
    [429, "", null],
    [408, "", null],
  ];
  for (const [status, body, kind] of kinds) {
    assert.equal(failure(status, body)?.kind ?? null, kind, `${status} ${JSON.stringify(body)}`);
  }
});

Deno.test("readFailure() stalls on what a person must mend", () => {
  const stalled: [number, unknown, string][] = [
    [401, "Unauthorized", "access_denied"],
    [403, "", "access_denied"],
    [404, "404 page not found", "config_invalid"],
    [405, "", "config_invalid"],
    [406, apiError("not_acceptable", "no"), "config_invalid"],
    [422, apiError("execution", "unavailable with Prometheus Agent"), "config_invalid"],
  ];
  for (const [status, body, code] of stalled) {
    assert.throws(
      () => failure(status, body),
      (error) => error instanceof StalledError && error.code === code && error.hint !== undefined,
    );
  }
  assert.throws(() => failure(499, apiError("canceled", "")), TransientError);
});

Deno.test("readFailure() throws nothing but our errors on any status and body", () => {
  fc.assert(fc.property(fc.integer({ min: 201, max: 599 }), fc.jsonValue(), (status, body) => {
    try {
      failure(status, body);
    } catch (error) {
      assert.ok(error instanceof ConnectorError);
    }
  }));
});
