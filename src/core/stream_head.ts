/** How far each stream has come. A head only goes up, and stays for ever: it makes old sequences unusable. */
import type { ExecutionRecord } from "./execution.ts";
import { wasAccepted } from "./execution.ts";

export interface StreamHead {
  /** The highest that was ever accepted. */
  readonly sequence: number;
  /** The execution that has it; empty once its record was pruned. */
  readonly id: string;
}

/** The head that this record makes of its stream; null when it moves nothing. */
export function risenHead(
  head: StreamHead | undefined,
  { state, sequence, id }: ExecutionRecord,
): StreamHead | null {
  if (!wasAccepted(state) || (head && head.sequence >= sequence)) return null;
  return { sequence, id };
}

/** Whether the head is where a journal with this record must have it. */
export function coversRecord(head: StreamHead | undefined, record: ExecutionRecord): boolean {
  return risenHead(head, record) === null;
}

/**
 * The sequence that a package must be above; null when there is none. The package that made the head may
 * come again: it was refused after it had been accepted, or a crash came before its record.
 */
export function sequenceToBeat(head: StreamHead | undefined, id: string): number | null {
  return !head || head.id === id ? null : head.sequence;
}
