/** What other parts know of the audit log. */

/** Flat, bounded, and free of secrets: a record can carry a hash of sensitive data instead. */
export type AuditData = Readonly<
  Record<string, string | number | boolean | null | readonly string[]>
>;

export interface AuditEntry {
  /** Such as `execution.applying`; constant. */
  readonly type: string;
  /** Who: `connector`, `orchestrator`, `alice (uid 1000)`, a signer's name. */
  readonly actor: string;
  /** What it is about: an execution id, a query, a peer. */
  readonly subject: string;
  readonly data: AuditData;
}

export interface AuditPosition {
  readonly sequence: number;
  readonly hash: string;
}

export interface AuditLog {
  /**
   * Resolves once the record is on the disk. The act that it announces MUST NOT begin before.
   * Throws RefusedError `audit_unavailable` when that cannot be had in time, `audit_broken` when the log is damaged.
   */
  record(entry: AuditEntry): Promise<AuditPosition>;
}
