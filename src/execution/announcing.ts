/** What the audit log says of an execution, before its new state is anywhere else. */
import { formatApprover } from "../core/approval.ts";
import type { AuditLog, AuditPosition } from "../core/audit.ts";
import { redacted } from "../core/audit/redaction.ts";
import type { ExecutionRecord } from "../core/execution.ts";
import { sealRecord } from "../core/execution_seal.ts";
import type { JournalKey } from "../core/journal_key.ts";

export interface AnnouncingParts {
  readonly audit: AuditLog;
  /** Origin of the audit log's checkpoints: what `auditSequence` counts in. */
  readonly auditLog: string;
  readonly key: JournalKey;
}

/** The record as it may go into the journal, once the audit log has it on its disk. Throws what the log throws. */
export async function announce(
  record: ExecutionRecord,
  actor: string,
  parts: AnnouncingParts,
  isReasonPrivate = false,
): Promise<ExecutionRecord> {
  return await announceAll([record], actor, parts, isReasonPrivate);
}

/**
 * Each of them in its order, in one write of the audit log. The last one is returned as it may go into the
 * journal. Throws what the log throws.
 */
export async function announceAll(
  records: readonly ExecutionRecord[],
  actor: string,
  { audit, auditLog, key }: AnnouncingParts,
  isReasonPrivate = false,
): Promise<ExecutionRecord> {
  // Side by side they share the write; the log takes them in this order.
  const written = await Promise.all(
    records.map((record) => note(record, actor, audit, isReasonPrivate)),
  );
  const { sequence: auditSequence } = written.at(-1)!;
  return await sealRecord({ ...records.at(-1)!, auditSequence, auditLog }, key);
}

function note(
  record: ExecutionRecord,
  actor: string,
  audit: AuditLog,
  isReasonPrivate: boolean,
): Promise<AuditPosition> {
  return audit.record({
    type: `execution.${record.state}`,
    actor,
    subject: record.id,
    data: {
      digest: record.digest,
      name: record.name,
      stream: record.stream,
      sequence: record.sequence,
      risk: record.risk,
      signers: record.signers.map(({ name, identity }) => `${name} (${identity})`),
      code: record.code,
      reason: isReasonPrivate ? redacted(record.reason) : record.reason,
      planDigest: record.plan?.digest ?? null,
      approvers: record.approvals.map(formatApprover),
    },
  });
}
