/** What a person says to a plan. */
import { RefusedError } from "../errors.ts";
import { checkApproval, signApproval } from "../core/approval.ts";
import type { ExecutionRecord } from "../core/execution.ts";
import type { JournalKey } from "../core/journal_key.ts";
import type { ExecutionState } from "../core/protocol.ts";
import type { Clock } from "../runtime.ts";
import type { ExecutionBook, MoveDetails } from "./book.ts";
import { assertLeader, type Leadership } from "./leadership.ts";

export class Approvals {
  constructor(
    private readonly book: ExecutionBook,
    private readonly key: JournalKey,
    private readonly clock: Clock,
    private readonly leadership: Leadership,
  ) {}

  /**
   * @param approver how the person was known, and the name: `socket:alice`
   * Throws RefusedError `not_leader`, `not_found`, `not_approvable`, `approval_mismatch`, `expired`.
   */
  async approve(id: string, planDigest: string, approver: string): Promise<ExecutionRecord> {
    const record = await this.#pending(id);
    if (!record.plan) throw new TypeError(`${id} waits for approval without a plan`);
    checkApproval(record.plan, planDigest);
    const atMs = this.clock.now();
    if (atMs >= record.expiresAtMs) {
      throw new RefusedError("expired", `${id} expired before it was approved`);
    }
    const approval = await signApproval(
      { executionId: id, packageDigest: record.digest, planDigest, approver, atMs },
      this.key,
    );
    return await this.#decide(record, "approved", `approved by ${approver}`, {
      actor: approver,
      approvals: [...record.approvals, approval],
    });
  }

  /** Throws RefusedError `not_leader`, `not_found`, `not_approvable`. */
  async reject(id: string, approver: string, reason: string): Promise<ExecutionRecord> {
    return await this.#decide(
      await this.#pending(id),
      "cancelled",
      `rejected by ${approver}: ${reason}`,
      {
        actor: approver,
      },
    );
  }

  async #decide(
    record: ExecutionRecord,
    state: ExecutionState,
    reason: string,
    details: MoveDetails,
  ): Promise<ExecutionRecord> {
    try {
      return await this.book.move(record, state, reason, details);
    } catch (error) {
      await this.#pending(record.id); // somebody else, or time, may have been faster
      throw error;
    }
  }

  async #pending(id: string): Promise<ExecutionRecord> {
    assertLeader(this.leadership);
    const record = await this.book.get(id);
    if (record.state === "pending_approval") return record;
    throw new RefusedError("not_approvable", `${id} is ${record.state}: ${record.reason}`, {
      hint: "only an execution in state pending_approval can be approved or rejected",
    });
  }
}
