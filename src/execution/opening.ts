/** Whether the journal is open, and for how long what was read from it counts. */
import { RefusedError, TransientError } from "../errors.ts";

const RETRY_WHEN_CLOSED_MS = 5000;

export class Opening {
  #count = 0;
  #isOpen = false;

  begin(): void {
    this.#count += 1;
    this.#isOpen = true;
  }

  end(): void {
    this.#isOpen = false;
  }

  /** Names the present opening. Throws TransientError `unavailable` while there is none. */
  present(): number {
    if (this.#isOpen) return this.#count;
    throw new TransientError("unavailable", "The journal of executions is not open", {
      retryAfterMs: RETRY_WHEN_CLOSED_MS,
      hint: "the parts leadership and journal of this connector's health say why",
    });
  }

  /** What was written in an earlier one is on record, and read again: it must not count twice. */
  assertStill(opening: number): void {
    if (this.#isOpen && this.#count === opening) return;
    throw new RefusedError("not_leader", "The journal was closed while it was written");
  }
}
