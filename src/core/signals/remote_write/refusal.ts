/**
 * What a remote-write receiver means by an answer that is no success. The status says most; whether samples
 * came in the wrong order is in the text alone, and each server has its own.
 */

export type Refusal =
  /** A series has newer samples than these, or another value at the same time. */
  | "out_of_order"
  /** Older than anything that the receiver takes. */
  | "too_old"
  /** Cannot be made right by sending it again. */
  | "content";

/** Statuses that speak of what was sent. Thanos says 409 to samples that are out of order. */
const CONTENT: ReadonlySet<number> = new Set([400, 409, 413, 415, 422]);
/** Prometheus: `out of order sample`, `duplicate sample for timestamp`; Mimir: `err-mimir-sample-out-of-order`. */
const OUT_OF_ORDER = /out[ -]of[ -]order|duplicate[ -](sample|timestamp)|duplicate sample for/i;
/** Prometheus: `out of bounds`, `too old sample`; Mimir: `err-mimir-sample-timestamp-too-old`. */
const TOO_OLD = /out of bounds|too[ -]old/i;

/** null for a status that speaks of where or when it was sent. */
export function readRefusal(status: number, text: string): Refusal | null {
  // Prometheus 2 answers 500 to some of these, which sending again can never mend.
  if (CONTENT.has(status) || status === 500) {
    if (TOO_OLD.test(text)) return "too_old";
    if (OUT_OF_ORDER.test(text)) return "out_of_order";
  }
  return CONTENT.has(status) ? "content" : null;
}
