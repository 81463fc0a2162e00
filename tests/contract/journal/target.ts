/** A journal of a test's own, and how to open it again as the next process would. */
import type { JournalKey } from "../../../src/core/journal_key.ts";
import type { Journal, OpenedJournal } from "../../../src/execution/journal.ts";

export interface JournalTarget extends AsyncDisposable {
  readonly key: JournalKey;
  /** Opened once, empty. */
  readonly journal: Journal;
  /** Another instance on the same store, and what it found there. */
  reopen(): Promise<OpenedJournal & { journal: Journal }>;
}
