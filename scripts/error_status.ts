/** The HTTP status of each error code, asked of the function that answers requests. */
import {
  APPLY_CODES,
  ApplyError,
  type ErrorCode,
  INVALID_CODES,
  InvalidInputError,
  REFUSED_CODES,
  RefusedError,
  STALLED_CODES,
  StalledError,
  TRANSIENT_CODES,
  TransientError,
} from "../src/errors.ts";
import { problemResponse } from "../src/http/problem.ts";

export interface ErrorFamily {
  readonly className: string;
  readonly reaction: string;
  readonly codes: readonly ErrorCode[];
}

export const FAMILIES: readonly ErrorFamily[] = [
  {
    className: "InvalidInputError",
    reaction: "Input that can never be right. It is answered, and not tried again.",
    codes: INVALID_CODES,
  },
  {
    className: "RefusedError",
    reaction: "Understood, and refused. A refused package is audited and receipted.",
    codes: REFUSED_CODES,
  },
  {
    className: "TransientError",
    reaction:
      "May well work later: tried again with growing pauses. HTTP answers carry Retry-After.",
    codes: TRANSIENT_CODES,
  },
  {
    className: "StalledError",
    reaction: "Needs a person. The part is `stalled` in health, and looks again now and then.",
    codes: STALLED_CODES,
  },
  {
    className: "ApplyError",
    reaction: "A change that was begun and did not end well. It stands in the execution's record.",
    codes: APPLY_CODES,
  },
];

export const ERROR_CODES = [
  ...INVALID_CODES,
  ...REFUSED_CODES,
  ...TRANSIENT_CODES,
  ...STALLED_CODES,
  ...APPLY_CODES,
] as const;

export function statusOf(code: ErrorCode): number {
  return problemResponse(errorOf(code)).status;
}

function errorOf(code: ErrorCode): Error {
  if (isIn(INVALID_CODES, code)) return new InvalidInputError(code, "");
  if (isIn(REFUSED_CODES, code)) return new RefusedError(code, "");
  if (isIn(TRANSIENT_CODES, code)) return new TransientError(code, "");
  if (isIn(STALLED_CODES, code)) return new StalledError(code, "");
  return new ApplyError(code, "");
}

function isIn<Code extends ErrorCode>(codes: readonly Code[], code: ErrorCode): code is Code {
  return (codes as readonly ErrorCode[]).includes(code);
}
