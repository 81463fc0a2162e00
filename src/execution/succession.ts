/** A newer package of the stream that only waits for this one's health: then it waits no longer. */
import type { ExecutionRecord } from "../core/execution.ts";
import type { ExecutionBook } from "./book.ts";

export interface Succession {
  /** Aborts when a newer package of the stream has been accepted and approved. */
  readonly signal: AbortSignal;
  stop(): void;
}

export function watchForSuccessor(record: ExecutionRecord, book: ExecutionBook): Succession {
  const found = new AbortController();
  const look = () => {
    const newer = book.listOpen().find(({ stream, sequence, state }) =>
      stream === record.stream && sequence > record.sequence && state === "approved"
    );
    if (newer) found.abort(new Succeeded(newer.id));
  };
  const stop = book.onMove(look);
  look();
  return { signal: found.signal, stop };
}

class Succeeded extends Error {
  constructor(id: string) {
    super(`every object was applied; the wait for their health was cut short by ${id}`);
  }
}

/** For people, once the signal has aborted. */
export function successorReason(signal: AbortSignal): string {
  return (signal.reason as Succeeded).message;
}
