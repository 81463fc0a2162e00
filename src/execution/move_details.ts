/** What goes with a move of an execution from one state to the next. */
import type { AuditEntry } from "../core/audit.ts";
import type { RecordChange } from "../core/execution.ts";
import type { ExecutionState } from "../core/protocol.ts";

export interface MoveDetails extends RecordChange {
  /** Whose decision it is; the connector's own unless given. */
  readonly actor?: string;
  /** A person's own words, salted: the audit log has their hash. */
  readonly isReasonPrivate?: boolean;
  /** What the decision rests on: on record right before it, for the same actor and execution. */
  readonly evidence?: Pick<AuditEntry, "type" | "data">;
}

export interface Step extends RecordChange {
  readonly state: ExecutionState;
  readonly reason: string;
}
