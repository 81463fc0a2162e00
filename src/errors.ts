/**
 * The error taxonomy: one class per reaction, one stable code per cause.
 *
 * Whoever throws picks the class by what the caller must do; whoever catches never looks at text.
 * Every message says what was wrong; every hint says what to do next. Neither ever holds a secret.
 */

/** Input that can never be right: answer 400, do not retry. */
export const INVALID_CODES = [
  "malformed_request",
  "malformed_bundle",
  "malformed_package",
  "malformed_policy",
  "malformed_approval",
  "malformed_answer",
  "too_large",
  "too_many_objects",
] as const;

/** Input that was understood and is refused: audit it, answer 401/403/409, never retry. */
export const REFUSED_CODES = [
  "unauthenticated",
  "missing_signature",
  "bad_signature",
  "unknown_signer",
  "untrusted_certificate",
  "wrong_identity",
  "missing_log_proof",
  "too_few_signers",
  "wrong_target",
  "not_yet_valid",
  "expired",
  "sequence_not_newer",
  "replayed",
  "policy_denied",
  "approval_mismatch",
  "approval_wrong_package",
  "approver_unproven",
  "not_an_approver",
  "approver_is_requester",
  "already_approved",
  "not_approvable",
  "plan_changed",
  "field_conflict",
  "admission_denied",
  "file_refused",
  "not_leader",
  "audit_unavailable",
  "audit_broken",
  "not_found",
  "peer_not_allowed",
  "not_in_release",
] as const;

/** A peer or a disk that may well work later: back off with jitter and try again. */
export const TRANSIENT_CODES = [
  "unavailable",
  "timeout",
  "rate_limited",
  "disk_full",
] as const;

/** Something that needs a person: show it in health, keep running, do not hammer. */
export const STALLED_CODES = [
  "config_invalid",
  "vault_denied",
  "identity_rejected",
  "access_denied",
  "tls_untrusted",
  "state_unwritable",
  "state_damaged",
  "bucket_settings",
] as const;

/** A change that was begun and did not end well. */
export const APPLY_CODES = [
  "apply_failed",
  "unhealthy",
  "rollback_failed",
] as const;

export type InvalidCode = typeof INVALID_CODES[number];
export type RefusedCode = typeof REFUSED_CODES[number];
export type TransientCode = typeof TRANSIENT_CODES[number];
export type StalledCode = typeof STALLED_CODES[number];
export type ApplyCode = typeof APPLY_CODES[number];
export type ErrorCode = InvalidCode | RefusedCode | TransientCode | StalledCode | ApplyCode;

export interface ErrorDetails {
  /** What the reader can do about it; one sentence. */
  readonly hint?: string;
  /** The foreign error beneath, kept for the log. */
  readonly cause?: unknown;
}

/** Base of every expected failure. Anything else that is thrown is a bug. */
export abstract class ConnectorError extends Error {
  abstract readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.hint = details.hint;
  }
}

export class InvalidInputError extends ConnectorError {
  override readonly name = "InvalidInputError";
  constructor(readonly code: InvalidCode, message: string, details?: ErrorDetails) {
    super(message, details);
  }
}

export class RefusedError extends ConnectorError {
  override readonly name = "RefusedError";
  constructor(readonly code: RefusedCode, message: string, details?: ErrorDetails) {
    super(message, details);
  }
}

/** A write named a version of the object that is not the latest any more: look again. */
export class ModifiedError extends RefusedError {
  constructor(message: string) {
    super("field_conflict", message, { hint: "someone else was faster; look at the object again" });
  }
}

export class TransientError extends ConnectorError {
  override readonly name = "TransientError";
  /** From a peer's Retry-After, already clamped; undefined when it named none. */
  readonly retryAfterMs: number | undefined;
  constructor(
    readonly code: TransientCode,
    message: string,
    details: ErrorDetails & { retryAfterMs?: number } = {},
  ) {
    super(message, details);
    this.retryAfterMs = details.retryAfterMs;
  }
}

export class StalledError extends ConnectorError {
  override readonly name = "StalledError";
  constructor(readonly code: StalledCode, message: string, details?: ErrorDetails) {
    super(message, details);
  }
}

export class ApplyError extends ConnectorError {
  override readonly name = "ApplyError";
  constructor(readonly code: ApplyCode, message: string, details?: ErrorDetails) {
    super(message, details);
  }
}

/** One line for a log or a person: `code: message (hint)`. */
export function describeError(error: unknown): string {
  if (error instanceof ConnectorError) {
    return `${error.code}: ${error.message}${error.hint ? ` (${error.hint})` : ""}`;
  }
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
