/** What follows from an outcome: preimages that nobody goes back to are dropped, and a receipt is written. */
import { describeError } from "../errors.ts";
import { type ExecutionRecord, isOpen } from "../core/execution.ts";
import type { Logger } from "../log.ts";
import type { Journal } from "./journal.ts";
import type { ReceiptIssuer } from "./receipt_issuer.ts";

export interface OutcomeParts {
  readonly journal: Pick<Journal, "dropPreimages">;
  readonly receipts: ReceiptIssuer;
  readonly log: Logger;
  /** False of an outcome that was owed for so long that its package was taken up again. */
  readonly isLatest: (record: ExecutionRecord) => boolean;
}

export class Outcomes {
  /** Of which that could not be done yet. */
  #owed: ExecutionRecord[] = [];

  constructor(private readonly parts: OutcomeParts) {}

  /** The receipt comes last: without it nothing is settled, and a start does all of it again. */
  async conclude(record: ExecutionRecord): Promise<void> {
    const isOver = !isOpen(record.state) && record.preimagesDigest === null;
    if (isOver && this.parts.isLatest(record)) await this.parts.journal.dropPreimages(record.id);
    await this.parts.receipts.issue(record);
  }

  /** The move is durable already: what cannot be done about it now must not undo or hide it. */
  async tryToConclude(record: ExecutionRecord): Promise<void> {
    this.#owed.push(record);
    try {
      await this.concludeOwed();
    } catch (error) {
      this.parts.log.log("warn", "receipt_delayed", {
        execution: record.id,
        reason: describeError(error),
      });
    }
  }

  async concludeOwed(): Promise<void> {
    for (const record of [...this.#owed]) {
      await this.conclude(record);
      this.#owed = this.#owed.filter((other) => other !== record);
    }
  }

  /** The journal is read again, and says what is owed. */
  clear(): void {
    this.#owed = [];
  }
}
