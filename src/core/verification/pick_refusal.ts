/** Which of several refusals is told. */
import type { RefusedCode, RefusedError } from "../../errors.ts";

/** From the least to the most that had been proven before the refusal. */
const PROGRESS: readonly RefusedCode[] = [
  "untrusted_certificate",
  "expired",
  "bad_signature",
  "missing_log_proof",
  "wrong_identity",
];

/** Of one or more signers' refusals, the one that came furthest: it tells most about what to mend. */
export function pickRefusal(refusals: readonly RefusedError[]): RefusedError {
  const progress = (refusal: RefusedError) => PROGRESS.indexOf(refusal.code);
  return refusals.reduce((best, next) => progress(next) > progress(best) ? next : best);
}
