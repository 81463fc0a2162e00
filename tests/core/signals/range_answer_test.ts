import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeUtf8 } from "../../../src/core/encoding.ts";
import { checkContentType, readDate, readFailure } from "../../../src/core/signals/range_answer.ts";
import {
  ConnectorError,
  InvalidInputError,
  StalledError,
  TransientError,
} from "../../../src/errors.ts";

const EXPR = "sum(pod_memory_limit_bytes)";

function failure(status: number, body: unknown) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return readFailure({ status, body: encodeUtf8(text) }, EXPR);
}

const apiError = (errorType: string, error: string) => ({ status: "error", errorType, error });

Deno.test("checkContentType() takes JSON and nothing else", () => {
  for (const type of ["application/json", "application/json; charset=utf-8", "Application/JSON"]) {
    checkContentType(new Headers({ "content-type": type }));
  }
  for (
    const headers of [{ "content-type": "text/html" }, { "content-type": "application/jsonx" }, {}]
  ) {
    assert.throws(
      () => checkContentType(new Headers(headers)),
      (error) => error instanceof InvalidInputError && error.code === "malformed_answer",
    );
  }
});

Deno.test("readDate() reads the clock of whoever answered, or none", () => {
  const date = "Sat, 22 Nov 2025 10:00:00 GMT";
  assert.equal(readDate(new Headers({ date })), 1_763_805_600_000);
  assert.equal(readDate(new Headers({ date: "soon" })), null);
  assert.equal(readDate(new Headers()), null);
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
