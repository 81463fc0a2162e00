/** What Prometheus says no to, in which words, and what the connector makes of it. */
import assert from "node:assert/strict";
import type { ContractTest } from "../contract.ts";
import {
  ask,
  call,
  type Fields,
  post,
  type PrometheusTarget,
  START_S,
  valuesOf,
  windowOf,
} from "./target.ts";

const GOOD = { query: "vector(1)", start: START_S, end: START_S + 60, step: 30 };
const STEP = 'invalid parameter "step": ';

const BAD_DATA: readonly (readonly [Fields, string | RegExp])[] = [
  // Since 3.0 with the parameter's name before it.
  [{ query: "sum(" }, /^(invalid parameter "query": )?1:\d+: parse error: /],
  [{ query: "" }, /^(invalid parameter "query": )?1:1: parse error: no expression found in input$/],
  [{ step: 0 }, /^invalid parameter "step": zero or negative query resolution step widths/],
  [{ step: -1 }, /^invalid parameter "step": zero or negative query resolution step widths/],
  [{ step: "x" }, `${STEP}cannot parse "x" to a valid duration`],
  [{ step: "" }, `${STEP}cannot parse "" to a valid duration`],
  [{ start: "x" }, 'invalid parameter "start": cannot parse "x" to a valid timestamp'],
  [{ start: "" }, 'invalid parameter "start": cannot parse "" to a valid timestamp'],
  [{ end: "x" }, 'invalid parameter "end": cannot parse "x" to a valid timestamp'],
  [
    { end: START_S - 1 },
    'invalid parameter "end": end timestamp must not be before start time',
  ],
];

export const REFUSALS: readonly ContractTest<PrometheusTarget>[] = [
  {
    name: "Prometheus refuses what it cannot read with 400 and bad_data",
    async run(target) {
      for (const [change, expected] of BAD_DATA) {
        const { status, json, text } = await post(target, { ...GOOD, ...change });
        assert.equal(status, 400, text);
        assert.deepEqual([json.status, json.errorType], ["error", "bad_data"]);
        if (typeof expected === "string") assert.equal(json.error, expected);
        else assert.match(json.error, expected);
      }
      const answer = await ask(target, "sum(", windowOf(1000, 10));
      assert.equal(answer.kind, "rejected");
    },
  },
  {
    name: "Prometheus gives 11,001 points and no more",
    async run(target) {
      assert.equal((await valuesOf(target, "vector(1)", { end: START_S + 11_000 })).length, 11_001);
      const { status, json } = await post(target, { ...GOOD, end: START_S + 11_001, step: 1 });
      assert.equal(status, 400);
      assert.equal(
        json.error,
        "exceeded maximum resolution of 11,000 points per timeseries. " +
          "Try decreasing the query resolution (?step=XX)",
      );
      const answer = await ask(target, "vector(1)", windowOf(1000, 11_002));
      assert.equal(answer.kind, "too_large");
    },
  },
  {
    name:
      "Prometheus fails an evaluation with 422, and no word of the query is taken for the reason",
    async run(target) {
      const query = 'label_replace(vector(1), "a", "b", "", "limit exceeded(")';
      const { status, json } = await post(target, { ...GOOD, query });
      assert.equal(status, 422);
      assert.deepEqual([json.status, json.errorType], ["error", "execution"]);
      assert.match(json.error, /invalid regular expression in label_replace\(\): limit exceeded\(/);
      const answer = await ask(target, query, windowOf(1000, 10));
      assert.equal(answer.kind, "rejected");
    },
  },
  {
    name: "Prometheus refuses a query of too many samples with 422, which the connector splits",
    async run(target) {
      await using limited = await target.limited(10);
      const few = await ask(limited, "vector(1)", windowOf(1000, 5));
      assert.equal(few.kind, "series");
      const { status, json } = await post(limited, { ...GOOD, end: START_S + 600, step: 1 });
      assert.deepEqual([status, json.errorType], [422, "execution"]);
      assert.equal(
        json.error,
        "query processing would load too many samples into memory in query execution",
      );
      const many = await ask(limited, "vector(1)", windowOf(1000, 100));
      assert.equal(many.kind, "too_large");
    },
  },
  {
    name: "Prometheus gives NaN, negative zero and exponents in Go's form",
    async run(target) {
      const forms = [["NaN", "NaN"], ["-0", "-0"], ["1e-9", "1e-09"], ["1e21", "1e+21"]] as const;
      for (const [written, text] of forms) {
        assert.deepEqual(await valuesOf(target, `vector(${written})`), [[START_S, text]]);
      }
    },
  },
  {
    name: "Prometheus answers in plain text where there is no API",
    async run(target) {
      const absent = await call(target, "/nowhere");
      assert.deepEqual([absent.status, absent.text], [404, "404 page not found\n"]);
      const deleted = await call(target, "/api/v1/query_range", { method: "DELETE" });
      assert.deepEqual([deleted.status, deleted.text], [405, "Method Not Allowed\n"]);
      const ready = await call(target, "/-/ready");
      assert.deepEqual([ready.status, ready.text], [200, "Prometheus Server is Ready.\n"]);
      const info = await call(target, "/api/v1/status/buildinfo");
      assert.equal(info.json.status, "success");
      assert.match(info.json.data.version, /^\d+\.\d+/);
    },
  },
];
