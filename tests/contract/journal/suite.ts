/** Everything that is asked of a journal. */
import type { ContractTest } from "../contract.ts";
import { FINDING } from "./finding.ts";
import { KEEPING } from "./keeping.ts";
import { PRUNING } from "./pruning.ts";
import type { JournalTarget } from "./target.ts";

export const JOURNAL_CONTRACT: readonly ContractTest<JournalTarget>[] = [
  ...KEEPING,
  ...FINDING,
  ...PRUNING,
];
