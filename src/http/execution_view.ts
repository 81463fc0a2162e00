/** An execution as people and the Orchestrator see it: without the package's bytes and the preimages. */
import { type ExecutionRecord, joinSigners } from "../core/execution.ts";

export function summarize(record: ExecutionRecord) {
  const { id, digest, state, code, reason, name, stream, sequence, risk, signers, source } = record;
  return {
    id,
    digest,
    state,
    code,
    reason,
    since: iso(record.sinceMs),
    received: iso(record.receivedAtMs),
    expires: iso(record.expiresAtMs),
    name,
    stream,
    sequence,
    risk,
    signer: joinSigners(signers),
    signers,
    source,
  };
}

export function describe(record: ExecutionRecord) {
  return {
    ...summarize(record),
    purpose: record.purpose,
    plan: record.plan,
    approvals: record.approvals,
    auditSequence: record.auditSequence,
  };
}

export type ExecutionSummary = ReturnType<typeof summarize>;
export type ExecutionDescription = ReturnType<typeof describe>;

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
