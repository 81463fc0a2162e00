/** A person's approval, bound to one plan of one package and countersigned by the connector. */
import { compactVerify } from "jose";
import * as z from "zod";
import { checkDocument, parseDocument } from "./approval_document.ts";
import { type Approvers, formatPerson, type Person } from "./approver.ts";
import { importPublicKey } from "./connector_key.ts";
import { decodeBase64, decodeUtf8, sha256Hex } from "./encoding.ts";
import type { ExecutionRecord } from "./execution.ts";
import type { JournalKey } from "./journal_key.ts";
import type { Policy } from "./policy.ts";

const APPROVAL_TYPE = "neuralops-approval+jwt";

/** What the person signed, kept so that anyone can verify it again. */
export interface SignedDocument {
  /** Base64 of the exact bytes; see approval_document.ts. */
  readonly document: string;
  /** Sigstore bundle over those bytes. */
  readonly bundle: Readonly<Record<string, unknown>>;
}

export interface Approval {
  /** The name in `execution.approvers`. */
  readonly approver: string;
  /** How the person was known: `uid 1000`, `kubernetes alice`, `key sha256:<hex>`, `identity alice@example.com`. */
  readonly means: string;
  readonly planDigest: string;
  /** When it was given, epoch ms: when a signed document was prepared, an annotation written. */
  readonly atMs: number;
  /** null for a user of the operating system or of the cluster. */
  readonly signed: SignedDocument | null;
  /** EdDSA JWS by the connector's key, typ neuralops-approval+jwt, over ApprovalClaims. */
  readonly signature: string;
}

const ApprovalClaims = z.strictObject({
  executionId: z.string(),
  packageDigest: z.string(),
  planDigest: z.string(),
  approver: z.string(),
  means: z.string(),
  atMs: z.int(),
  documentDigest: z.string().nullable().describe("sha256:<hex> of what the person signed"),
});
export type ApprovalClaims = Readonly<z.infer<typeof ApprovalClaims>>;
type About = Pick<ApprovalClaims, "executionId" | "packageDigest" | "planDigest">;

export async function signApproval(
  about: About,
  given: Omit<Approval, "planDigest" | "signature">,
  key: Pick<JournalKey, "signJws">,
): Promise<Approval> {
  const approval = { ...given, planDigest: about.planDigest };
  const signature = await key.signJws(APPROVAL_TYPE, claimsOf(approval, about));
  return { ...approval, signature };
}

export interface CountingContext {
  readonly approvers: Approvers;
  readonly policy: Policy;
  readonly key: Pick<JournalKey, "publicKey">;
  readonly nowMs: number;
}

/**
 * Those approvals of the plan that count now: taken by this connector, from persons who are approvers
 * still, not lapsed, one for each person. What a person signed is verified again.
 */
export async function approvalsThatCount(
  record: ExecutionRecord,
  planDigest: string,
  context: CountingContext,
): Promise<Approval[]> {
  const about = { executionId: record.id, packageDigest: record.digest, planDigest };
  const counting = new Map<string, Approval>();
  for (const approval of record.approvals) {
    if (isLapsed(approval, context)) continue;
    if (!await isGenuine(approval, about, context.key)) continue;
    if (await isFromApprover(approval, record, context)) counting.set(approval.approver, approval);
  }
  return [...counting.values()];
}

export function isLapsed({ atMs }: Approval, { policy, nowMs }: CountingContext): boolean {
  return nowMs >= atMs + (policy.approval.validFor ?? Infinity);
}

/** `alice (uid 1000)`. */
export function formatApprover({ approver, means }: Pick<Approval, "approver" | "means">): string {
  return formatPerson({ name: approver, means });
}

/** `alice (uid 1000), bob (key sha256:…)`. */
export function formatApprovers(approvals: readonly Approval[]): string {
  return approvals.map(formatApprover).join(", ");
}

async function isFromApprover(
  { approver, means, signed }: Approval,
  record: ExecutionRecord,
  { approvers, nowMs }: CountingContext,
): Promise<boolean> {
  if (approvers.isRequester({ name: approver }, record)) return false;
  try {
    let person: Person;
    if (signed) {
      const bytes = decodeBase64(signed.document);
      person = await approvers.bySignature(bytes, signed.bundle);
      const document = parseDocument(bytes);
      checkDocument(document, record, nowMs);
      if (document.decision !== "approve") return false;
    } else {
      person = approvers.byMeans(means);
    }
    return person.name === approver && person.means === means;
  } catch {
    return false;
  }
}

/** Whether this connector took this approval, of this plan for this package, from this person. */
async function isGenuine(
  approval: Approval,
  about: About,
  key: Pick<JournalKey, "publicKey">,
): Promise<boolean> {
  try {
    const publicKey = await importPublicKey(key.publicKey);
    const { payload, protectedHeader } = await compactVerify(approval.signature, publicKey, {
      algorithms: ["EdDSA"],
    });
    const claims = ApprovalClaims.parse(JSON.parse(decodeUtf8(payload)));
    return protectedHeader.typ === APPROVAL_TYPE &&
      Object.entries(claimsOf(approval, about)).every(([name, value]) =>
        claims[name as keyof ApprovalClaims] === value
      );
  } catch {
    return false;
  }
}

function claimsOf(
  { approver, means, atMs, signed }: Omit<Approval, "signature">,
  about: About,
): ApprovalClaims {
  const documentDigest = signed && `sha256:${sha256Hex(decodeBase64(signed.document))}`;
  return { ...about, approver, means, atMs, documentDigest };
}
