/** A person's approval, bound to one plan of one package and countersigned by the connector. */
import { compactVerify } from "jose";
import { z } from "zod";
import { RefusedError } from "../errors.ts";
import { importPublicKey } from "./connector_key.ts";
import { decodeUtf8 } from "./encoding.ts";
import type { JournalKey } from "./journal_key.ts";
import type { Plan } from "./plan.ts";

const APPROVAL_TYPE = "neuralops-approval+jwt";

export interface Approval {
  /** Such as `socket:alice`: how the person was known, and by what name. */
  readonly approver: string;
  readonly planDigest: string;
  readonly atMs: number;
  /** EdDSA JWS by the connector's key, typ neuralops-approval+jwt, over ApprovalClaims. */
  readonly signature: string;
}

const ApprovalClaims = z.strictObject({
  executionId: z.string(),
  packageDigest: z.string(),
  planDigest: z.string(),
  approver: z.string(),
  atMs: z.int(),
});
export type ApprovalClaims = Readonly<z.infer<typeof ApprovalClaims>>;

/** The approval names exactly the plan in hand. Throws RefusedError `approval_mismatch`. */
export function checkApproval(plan: Plan, planDigest: string): void {
  if (plan.digest !== planDigest) {
    throw new RefusedError(
      "approval_mismatch",
      `The approval is for plan ${planDigest}, the plan is now ${plan.digest}`,
      { hint: "look at the plan again (executions show) and approve what it says now" },
    );
  }
}

export async function signApproval(claims: ApprovalClaims, key: JournalKey): Promise<Approval> {
  const { approver, planDigest, atMs } = claims;
  return { approver, planDigest, atMs, signature: await key.signJws(APPROVAL_TYPE, claims) };
}

/** Whether this connector took this approval, of this plan for this package, from this person. */
export async function isGenuine(
  approval: Approval,
  about: Pick<ApprovalClaims, "executionId" | "packageDigest" | "planDigest">,
  key: Pick<JournalKey, "publicKey">,
): Promise<boolean> {
  const wanted = { ...about, approver: approval.approver, atMs: approval.atMs };
  try {
    const publicKey = await importPublicKey(key.publicKey);
    const { payload, protectedHeader } = await compactVerify(approval.signature, publicKey, {
      algorithms: ["EdDSA"],
    });
    const claims = ApprovalClaims.parse(JSON.parse(decodeUtf8(payload)));
    return protectedHeader.typ === APPROVAL_TYPE &&
      Object.entries(wanted).every(([name, value]) =>
        claims[name as keyof ApprovalClaims] === value
      );
  } catch {
    return false;
  }
}
