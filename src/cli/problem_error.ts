/** A running connector's problem document, as the error that it was made of. */
import type { Problem } from "../core/protocol.ts";
import {
  APPLY_CODES,
  ApplyError,
  type ConnectorError,
  INVALID_CODES,
  InvalidInputError,
  REFUSED_CODES,
  RefusedError,
  STALLED_CODES,
  StalledError,
  TRANSIENT_CODES,
  TransientError,
} from "../errors.ts";

export function errorOfProblem({ code, detail, hint }: Problem): ConnectorError {
  const details = hint === undefined ? {} : { hint };
  if (isIn(INVALID_CODES, code)) return new InvalidInputError(code, detail, details);
  if (isIn(REFUSED_CODES, code)) return new RefusedError(code, detail, details);
  if (isIn(STALLED_CODES, code)) return new StalledError(code, detail, details);
  if (isIn(APPLY_CODES, code)) return new ApplyError(code, detail, details);
  const transient = isIn(TRANSIENT_CODES, code) ? code : "unavailable";
  return new TransientError(transient, detail, details);
}

function isIn<Code extends string>(codes: readonly Code[], code: string): code is Code {
  return (codes as readonly string[]).includes(code);
}
