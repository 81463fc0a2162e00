/** A person's approval, bound to one plan of one package and countersigned by the connector. */
import { RefusedError } from "../errors.ts";
import type { Plan } from "./plan.ts";

export interface Approval {
  /** Such as `socket:alice`: how the person was known, and by what name. */
  readonly approver: string;
  readonly planDigest: string;
  readonly atMs: number;
  /** EdDSA JWS by the connector's key, typ neuralops-approval+jwt, over ApprovalClaims. */
  readonly signature: string;
}

export interface ApprovalClaims {
  readonly executionId: string;
  readonly packageDigest: string;
  readonly planDigest: string;
  readonly approver: string;
  readonly atMs: number;
}

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
