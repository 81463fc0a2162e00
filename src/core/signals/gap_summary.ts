/** The gaps of a query as a person wants to hear of them: for how much time each reason stands. */
import type { Gap } from "../protocol.ts";
import { durationOf } from "./lanes.ts";
import { joinSpans } from "./spans.ts";

export interface GapSummary {
  readonly reason: Gap["reason"];
  /** Time that two gaps share counts once. */
  readonly durationMs: number;
  /** How many gaps the receiver has not acknowledged yet. */
  readonly pending: number;
}

/**
 * By reason, in the order of their names.
 * @param recorded read from the ledger; may have the open ones as well
 * @param open recorded and not acknowledged
 */
export function summarizeGaps(
  recorded: readonly Gap[],
  open: readonly Gap[],
  stepMs: number,
): GapSummary[] {
  const reasons = new Set([...recorded, ...open].map(({ reason }) => reason));
  return [...reasons].sort().map((reason) => {
    const ofReason = (gaps: readonly Gap[]) => gaps.filter((gap) => gap.reason === reason);
    const spans = joinSpans([...ofReason(recorded), ...ofReason(open)], stepMs);
    return { reason, durationMs: durationOf(spans, stepMs), pending: ofReason(open).length };
  });
}
