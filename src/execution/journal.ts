/** The port to the durable record of executions. Files on an edge host; the API server in a cluster. */
import type { ExecutionRecord } from "../core/execution.ts";

export interface Journal {
  /**
   * Every record with its material, one after the other, in no particular order.
   * Throws StalledError `state_damaged` on a record that cannot be read.
   */
  load(): AsyncIterable<ExecutionRecord>;
  /** Durable when it resolves; null when the id exists already. The store itself refuses a second one. */
  create(record: ExecutionRecord): Promise<ExecutionRecord | null>;
  /** Durable when it resolves. Throws RefusedError `not_leader` when `record.version` is not the latest. */
  replace(record: ExecutionRecord): Promise<ExecutionRecord>;
}
