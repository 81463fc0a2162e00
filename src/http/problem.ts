/** Errors as RFC 9457 problem documents. The code is stable; the text is for people. */
import {
  ConnectorError,
  type ErrorCode,
  InvalidInputError,
  RefusedError,
  StalledError,
  TransientError,
} from "../errors.ts";
import type { Problem } from "../core/protocol.ts";
import { ReplayedError } from "../execution/intake.ts";
import { NotLeaderError } from "../execution/leadership.ts";
import { SlowBodyError } from "./json_body.ts";

const STATUS: Partial<Record<ErrorCode, number>> = {
  too_large: 413,
  unauthenticated: 401,
  not_found: 404,
  replayed: 409,
  sequence_not_newer: 409,
  not_approvable: 409,
  approval_mismatch: 409,
  approval_wrong_package: 409,
  already_approved: 409,
  plan_changed: 409,
  field_conflict: 409,
  rate_limited: 429,
  audit_unavailable: 503,
  audit_broken: 503,
  not_leader: 503,
};

export function problemResponse(error: unknown): Response {
  const problem = toProblem(error);
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (problem.status === 401) headers["www-authenticate"] = "Bearer";
  if (error instanceof TransientError || error instanceof NotLeaderError) {
    headers["retry-after"] = String(Math.ceil((error.retryAfterMs ?? 5000) / 1000));
  }
  return new Response(JSON.stringify(problem), { status: problem.status, headers });
}

function toProblem(error: unknown): Problem {
  if (!(error instanceof ConnectorError)) {
    return {
      type: "about:blank",
      title: "Internal error",
      status: 500,
      detail: "The connector met an unexpected error; its log says more",
      code: "internal",
    };
  }
  return {
    type: `https://neuralops.io/problems/${error.code}`,
    title: error.code.replaceAll("_", " "),
    status: STATUS[error.code] ?? statusOf(error),
    detail: error.message,
    code: error.code,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error instanceof ReplayedError
      ? { executionId: error.record.id, state: error.record.state }
      : {}),
  };
}

function statusOf(error: ConnectorError): number {
  if (error instanceof InvalidInputError) return 400;
  if (error instanceof RefusedError) return 403;
  if (error instanceof SlowBodyError) return 408;
  return error instanceof TransientError || error instanceof StalledError ? 503 : 500;
}
