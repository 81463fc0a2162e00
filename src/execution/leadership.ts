/** The port that says whether this process may act on the cluster right now, and for how long. */
import { RefusedError } from "../errors.ts";
import type { WriteBounds } from "./cluster.ts";

/** A time in which this process leads. It ends by itself unless it is renewed. */
export interface Term extends WriteBounds {
  /** Something is not over yet, such as a write without an answer: the Lease is to run out, not given up. */
  markUnsettled(): void;
}

export interface Leadership {
  isLeader(): boolean;
  /** null while this process does not lead. */
  term(): Term | null;
  /** Who leads, as far as is known; "" when nobody does. */
  holder(): string;
}

const ENDLESS: Term = {
  signal: new AbortController().signal,
  leftMs: () => Infinity,
  markUnsettled: () => {},
};

/** Where one process stands for the cluster alone. */
export const alwaysLeader: Leadership = {
  isLeader: () => true,
  term: () => ENDLESS,
  holder: () => "",
};

const RETRY_ELSEWHERE_MS = 5000;

/** For whoever asked a standby: who leads, and when to ask again. */
export class NotLeaderError extends RefusedError {
  readonly retryAfterMs = RETRY_ELSEWHERE_MS;

  constructor(holder: string) {
    super(
      "not_leader",
      `This connector stands by: ${holder ? `${holder} leads` : "nobody leads at present"}`,
      { hint: "turn to the one that leads, or try again when this one does" },
    );
  }
}

/** Asked right before each write. Throws NotLeaderError. */
export function assertLeader(leadership: Leadership): void {
  leadingTerm(leadership);
}

/** Throws NotLeaderError. */
export function leadingTerm(leadership: Leadership): Term {
  const term = leadership.term();
  if (term) return term;
  throw new NotLeaderError(leadership.holder());
}
