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

import { FAILED_ANSWERS } from "./failed_answers.ts";

const EXPR = "sum(pod_memory_limit_bytes)";

function failure(status: number, body: unknown, expr = EXPR) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return readFailure({ status, body: encodeUtf8(text) }, expr);
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
  for (const { source, status, body, kind, expr = EXPR } of FAILED_ANSWERS) {
    const what = `${source}: ${status} ${body}`;
    if (kind === "away") {
      assert.throws(() => failure(status, body, expr), TransientError, what);
    } else {
      assert.equal(failure(status, body, expr)?.kind ?? "again", kind, what);
    }
  }
});

Deno.test("readFailure() reads as much of an error as it is given", () => {
  const whole = JSON.stringify(apiError("execution", "x".repeat(100_000)));
  assert.equal(failure(422, whole)?.kind, "rejected");
  const cut = failure(422, whole.slice(0, 65_536));
  assert.ok(cut?.kind === "rejected" && cut.detail.length < 600);
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
