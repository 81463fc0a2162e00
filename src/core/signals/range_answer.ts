/**
 * What a query_range answer means. Total: every status and body ends in one of these kinds or in a
 * typed error, so that the caller never has to look at text.
 * Contract: prometheus/docs/querying/api.md; VictoriaMetrics and Thanos deviations included.
 */
import { StalledError, TransientError } from "../../errors.ts";
import { decodeUtf8 } from "../encoding.ts";
import { malformed } from "./answer/malformed.ts";
import type { DecodedRange } from "./answer/range_decoder.ts";
import type { SeriesHandler } from "./series_handler.ts";
import type { Window } from "./windows.ts";

export type RangeAnswer =
  /** Whole: the handler was given all of it. For every other kind it was given a part, or nothing. */
  | DecodedRange & {
    readonly kind: "series";
    /** The source's own clock when it answered, to the second; null when it did not say. */
    readonly sourceTimeMs: number | null;
  }
  /** More than the source or the connector will hold: ask for less. */
  | { readonly kind: "too_large"; readonly detail: string }
  /** Took too long: ask for less, later. */
  | { readonly kind: "timeout"; readonly detail: string }
  /** The source understood the query and will never answer it. */
  | { readonly kind: "rejected"; readonly detail: string };

export interface RangeQuery {
  readonly expr: string;
  readonly window: Window;
}

export interface SignalsSource {
  /**
   * Gives the series to the handler while they arrive. Throws TransientError, StalledError,
   * InvalidInputError `malformed_answer`, or what the handler throws, but for `too_large`.
   */
  queryRange(query: RangeQuery, handler: SeriesHandler, signal: AbortSignal): Promise<RangeAnswer>;
}

export interface FailedAnswer {
  readonly status: number;
  /** Its beginning at least: an error that does not fit is no API's. */
  readonly body: Uint8Array;
}

const MAX_DETAIL = 500;
const TOO_MUCH =
  /too many|maximum|max number|exceed|limit|cannot select more|not enough memory|ResourceExhausted/i;
/** No part of a window makes the expression shorter. */
const TOO_LONG_QUERY = /raw query size|query-expression-size/i;
const TIMED_OUT = /timed out|timeout exceeded|deadline exceeded|DeadlineExceeded/i;
/** What stands behind a querier (Thanos, Mimir, remote read) is away: it comes back, so does the data. */
const BEHIND_AWAY =
  /code = (?:Unavailable|Aborted|Canceled)\b|connection re(?:fused|set)|no such host|transport is closing|: EOF\b|live replicas required|unhealthy instances/i;
const WORDS = /\w+/g;
const LABELS = /\{[^{}]*\}/g;
const TOO_WIDE = /maximum resolution|too many points|time range exceeds/i;

/** Throws InvalidInputError `malformed_answer` on an answer with status 200 that is no API's. */
export function checkContentType(headers: Headers): void {
  const type = headers.get("content-type") ?? "no content type";
  if (!/^application\/json\b/i.test(type)) {
    throw malformed(`with ${type.slice(0, 100)} instead of application/json`);
  }
}

/** The clock of whoever answered; null when it did not say. */
export function readDate(headers: Headers): number | null {
  const ms = Date.parse(headers.get("date") ?? "");
  return Number.isNaN(ms) ? null : ms;
}

/**
 * Sorts every other status. 408, 429 and the rest of 5xx are the caller's, who knows Retry-After.
 * @param expr what was asked
 */
export function readFailure(answer: FailedAnswer, expr: string): RangeAnswer | null {
  const { status } = answer;
  const { errorType, detail } = readError(answer);
  if (status === 401 || status === 403) {
    throw new StalledError("access_denied", `Prometheus answered ${status}: ${detail}`, {
      hint: "check prometheus.bearerTokenFile or prometheus.basicAuth",
    });
  }
  if (/agent mode|Prometheus Agent/i.test(detail)) {
    throw new StalledError("config_invalid", `Prometheus cannot be queried: ${detail}`, {
      hint: "point prometheus.url at a server that stores data; this one runs in agent mode",
    });
  }
  if (status === 413) return { kind: "too_large", detail };
  if (status === 422 || status === 400) {
    const kind = judge(status, withoutQuery(detail, expr));
    if (kind !== "away") return { kind, detail };
    throw new TransientError("unavailable", `Prometheus cannot reach its stores: ${detail}`);
  }
  if (status === 504 || (status === 503 && errorType === "timeout")) {
    return { kind: "timeout", detail };
  }
  if (status === 499) {
    throw new TransientError("unavailable", `Prometheus cancelled the query: ${detail}`);
  }
  if (status >= 500 || status === 408 || status === 429) return null;
  throw new StalledError("config_invalid", `Prometheus answered ${status}: ${detail}`, {
    hint: "check that prometheus.url is the base URL of a Prometheus API, without /api/v1",
  });
}

/** What a refused query's reason means. 400 speaks of the request alone, 422 of its evaluation. */
function judge(status: 400 | 422, reason: string): "too_large" | "timeout" | "rejected" | "away" {
  if (TOO_LONG_QUERY.test(reason)) return "rejected";
  if (status === 400) return TOO_WIDE.test(reason) ? "too_large" : "rejected";
  if (BEHIND_AWAY.test(reason)) return "away";
  if (TIMED_OUT.test(reason)) return "timeout";
  return TOO_MUCH.test(reason) ? "too_large" : "rejected";
}

/** An error may repeat the query, and name series: a metric `…_limit` must not be taken for a limit. */
function withoutQuery(detail: string, expr: string): string {
  const asked = new Set(expr.match(WORDS));
  return detail.replaceAll(LABELS, "").replaceAll(WORDS, (word) => asked.has(word) ? "" : word);
}

function readError(answer: FailedAnswer): { errorType: string; detail: string } {
  let body: Record<string, unknown> | null = null;
  try {
    body = parseBody(answer.body);
  } catch {
    // Plain text from a starting server or a proxy carries no more than its status.
  }
  const field = (key: string) => typeof body?.[key] === "string" ? body[key] as string : "";
  const errorType = field("errorType");
  const detail = `${errorType || `status ${answer.status}`}: ${
    field("error") || "no reason given"
  }`;
  return { errorType, detail: detail.slice(0, MAX_DETAIL).toWellFormed() };
}

function parseBody(bytes: Uint8Array): Record<string, unknown> | null {
  const value: unknown = JSON.parse(decodeUtf8(bytes));
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : null;
}
