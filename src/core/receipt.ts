/** The connector's signed statement of what became of a package. */
import type { ErrorCode } from "../errors.ts";
import { decodeBase64Url, decodeUtf8 } from "./encoding.ts";
import { formatApprover } from "./approval.ts";
import type { ExecutionRecord } from "./execution.ts";
import { isOpen } from "./execution.ts";
import { type ExecutionState, ReceiptPayload } from "./protocol.ts";

export const RECEIPT_TYPE = "neuralops-receipt+jwt";

/** A package that got no record: its signature, form or size failed, so only its digest is known. */
export interface UnrecordedRefusal {
  readonly id: string;
  readonly clusterId: string;
  readonly digest: string;
  readonly code: ErrorCode;
  readonly reason: string;
  readonly atMs: number;
  readonly auditSequence: number;
}

/** States that the control plane is told of: every end, and the wait for a person. */
export function isReceipted(state: ExecutionState): boolean {
  return state === "pending_approval" || !isOpen(state);
}

/**
 * Names a receipt in the outbox: the same outcome always has the same key, and the keys of one
 * execution sort in the order of its outcomes.
 */
export function receiptKey(record: ExecutionRecord): string {
  const order = String(record.auditSequence ?? 0).padStart(12, "0");
  return `${record.id}.${order}.${record.state}`;
}

/** Whether the receipt is of an execution, and not of a package that got no record. */
export function isOfExecution(key: string): boolean {
  return /^wpx-[0-9a-f]{32}\.\d{12,}\./.test(key);
}

/** Ended, and the control plane knows: nothing is left to do about it. */
export function isSettled(record: ExecutionRecord): boolean {
  return !isOpen(record.state) && record.receipted === receiptKey(record);
}

/** One receipt for all deliveries of the same bytes that fail in the same way. */
export function refusalKey(refusal: UnrecordedRefusal): string {
  return `${refusal.id}.refused.${refusal.code}`;
}

/** Which audit record a receipt of our own names; 0 where it names none. */
export function auditSequenceOf(jws: string): number {
  const payload = decodeBase64Url(jws.split(".")[1] ?? "");
  return ReceiptPayload.parse(JSON.parse(decodeUtf8(payload))).auditSequence ?? 0;
}

export function receiptOf(record: ExecutionRecord): ReceiptPayload {
  return {
    schema: "neuralops.io/receipt/v1",
    executionId: record.id,
    clusterId: record.clusterId,
    digest: record.digest,
    state: record.state,
    code: record.code,
    reason: record.reason,
    name: record.name,
    stream: record.stream,
    sequence: record.sequence,
    planDigest: record.plan?.digest ?? null,
    approvals: record.approvals.map((approval) => ({
      approver: formatApprover(approval),
      atMs: approval.atMs,
    })),
    atMs: record.sinceMs,
    auditSequence: record.auditSequence,
  };
}

export function receiptOfRefusal(refusal: UnrecordedRefusal): ReceiptPayload {
  return {
    schema: "neuralops.io/receipt/v1",
    executionId: refusal.id,
    clusterId: refusal.clusterId,
    digest: refusal.digest,
    state: "refused",
    code: refusal.code,
    reason: refusal.reason,
    name: null,
    stream: null,
    sequence: null,
    planDigest: null,
    approvals: [],
    atMs: refusal.atMs,
    auditSequence: refusal.auditSequence,
  };
}
