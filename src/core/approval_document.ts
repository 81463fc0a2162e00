/**
 * What a person signs to approve or reject a plan from elsewhere: one line of canonical JSON, signed
 * with `cosign sign-blob`. It names everything that it is about, so that it is good for nothing else.
 */
import * as z from "zod";
import { InvalidInputError, RefusedError } from "../errors.ts";
import { canonicalJson } from "./canonical_json.ts";
import { decodeUtf8 } from "./encoding.ts";
import type { ExecutionRecord } from "./execution.ts";
import { describeIssues } from "./schema_problem.ts";

/** How far the clock of whoever prepared the document may be ahead of ours. */
const CLOCK_TOLERANCE_MS = 300_000;

const text = z.string().min(1).max(300);
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 hex digits");
const time = z.iso.datetime();

export const ApprovalDocument = z.strictObject({
  apiVersion: z.literal("neuralops.io/v1"),
  kind: z.literal("Approval"),
  decision: z.enum(["approve", "reject"]),
  reason: z.string().max(1000).describe("why it is rejected; may be empty for an approval"),
  clusterId: text,
  executionId: text,
  packageDigest: digest,
  planDigest: digest,
  issuedAt: time.describe("when it was prepared; the policy's approval.validFor counts from then"),
  expiresAt: time.describe("when it ends to count; the package's own expiry at the latest"),
});
export type ApprovalDocument = Readonly<z.infer<typeof ApprovalDocument>>;

type Subject = Pick<ExecutionRecord, "id" | "digest" | "clusterId" | "expiresAtMs" | "plan">;

/** @returns null where there is no plan yet that anyone could approve */
export function prepareDocument(
  record: Subject,
  decision: { readonly decision: ApprovalDocument["decision"]; readonly reason: string },
  nowMs: number,
): ApprovalDocument | null {
  return record.plan && {
    apiVersion: "neuralops.io/v1",
    kind: "Approval",
    ...decision,
    clusterId: record.clusterId,
    executionId: record.id,
    packageDigest: record.digest,
    planDigest: record.plan.digest,
    issuedAt: new Date(nowMs).toISOString(),
    expiresAt: new Date(record.expiresAtMs).toISOString(),
  };
}

/** Verify the bytes first. One line end may follow. Throws InvalidInputError `malformed_approval`. */
export function parseDocument(bytes: Uint8Array): ApprovalDocument {
  const invalid = (what: string, cause?: unknown) =>
    new InvalidInputError("malformed_approval", `The approval document ${what}`, {
      cause,
      hint: "sign what `neuralops-connector executions approval ID` prints, unchanged",
    });
  let value: unknown;
  try {
    const line = decodeUtf8(bytes).replace(/\n$/, "");
    value = JSON.parse(line);
    if (canonicalJson(value) !== line) throw invalid("is not in canonical form (RFC 8785)");
  } catch (error) {
    throw error instanceof InvalidInputError ? error : invalid("is not JSON", error);
  }
  const parsed = ApprovalDocument.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(`is not valid: ${describeIssues(parsed.error, value).join("; ")}`);
}

/**
 * Every field, against the execution as it is now.
 * Throws RefusedError `wrong_target`, `approval_wrong_package`, `approval_mismatch`, `not_yet_valid`,
 * `expired`.
 */
export function checkDocument(document: ApprovalDocument, record: Subject, nowMs: number): void {
  if (document.clusterId !== record.clusterId) {
    throw new RefusedError(
      "wrong_target",
      `The approval is for cluster ${document.clusterId}, ${record.id} is on ${record.clusterId}`,
      { hint: "send it to the connector of the cluster that it names" },
    );
  }
  if (document.executionId !== record.id || document.packageDigest !== record.digest) {
    throw new RefusedError(
      "approval_wrong_package",
      `The approval is for ${document.executionId} (${document.packageDigest}), this is ${record.id} (${record.digest})`,
      { hint: "prepare and sign one for this execution: executions approval ID" },
    );
  }
  checkPlan(record.plan?.digest, document.planDigest);
  const issuedAtMs = Date.parse(document.issuedAt);
  if (issuedAtMs > nowMs + CLOCK_TOLERANCE_MS) {
    throw new RefusedError(
      "not_yet_valid",
      `The approval was prepared at ${document.issuedAt}, which is still to come`,
      { hint: "compare the clock of whoever prepared it with this host's" },
    );
  }
  const expiresAtMs = Date.parse(document.expiresAt);
  if (nowMs >= expiresAtMs || expiresAtMs > record.expiresAtMs) {
    throw new RefusedError(
      "expired",
      nowMs >= expiresAtMs
        ? `The approval expired at ${document.expiresAt}`
        : `The approval is to last until ${document.expiresAt}, longer than its package`,
      { hint: "prepare and sign a new one: executions approval ID" },
    );
  }
}

/** The approval names exactly the plan in hand. Throws RefusedError `approval_mismatch`. */
export function checkPlan(planDigest: string | undefined, approved: string): void {
  if (planDigest === approved) return;
  throw new RefusedError(
    "approval_mismatch",
    `The approval is for plan ${approved}, the plan is now ${planDigest ?? "not made yet"}`,
    { hint: "look at the plan again (executions show) and approve what it says now" },
  );
}
