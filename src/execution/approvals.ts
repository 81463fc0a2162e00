/** What a person says to a plan. */
import { RefusedError } from "../errors.ts";
import { type ApprovalClaims, checkApproval } from "../core/approval.ts";
import type { ConnectorKey } from "../core/connector_key.ts";
import type { ExecutionRecord } from "../core/execution.ts";
import type { Clock } from "../runtime.ts";
import type { ExecutionBook } from "./book.ts";

export const APPROVAL_TYPE = "neuralops-approval+jwt";

export class Approvals {
  constructor(
    private readonly book: ExecutionBook,
    private readonly key: ConnectorKey,
    private readonly clock: Clock,
  ) {}

  /**
   * @param approver how the person was known, and the name: `socket:alice`
   * Throws RefusedError `not_found`, `not_approvable`, `approval_mismatch`, `expired`.
   */
  async approve(id: string, planDigest: string, approver: string): Promise<ExecutionRecord> {
    const record = this.#pending(id);
    if (!record.plan) throw new TypeError(`${id} waits for approval without a plan`);
    checkApproval(record.plan, planDigest);
    const atMs = this.clock.now();
    if (atMs >= record.expiresAtMs) {
      throw new RefusedError("expired", `${id} expired before it was approved`);
    }
    const claims: ApprovalClaims = {
      executionId: id,
      packageDigest: record.digest,
      planDigest,
      approver,
      atMs,
    };
    const signature = await this.key.signJws(APPROVAL_TYPE, { ...claims });
    return await this.book.move(id, "approved", `approved by ${approver}`, {
      approvals: [...record.approvals, { approver, planDigest, atMs, signature }],
    });
  }

  async reject(id: string, approver: string, reason: string): Promise<ExecutionRecord> {
    this.#pending(id);
    return await this.book.move(id, "cancelled", `rejected by ${approver}: ${reason}`);
  }

  #pending(id: string): ExecutionRecord {
    const record = this.book.get(id);
    if (record.state === "pending_approval") return record;
    throw new RefusedError("not_approvable", `${id} is ${record.state}: ${record.reason}`, {
      hint: "only an execution in state pending_approval can be approved or rejected",
    });
  }
}
