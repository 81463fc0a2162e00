/** What persons say to a plan. As many must say yes as the policy wants; one who says no ends it. */
import { SALT_BYTES, salted } from "../core/audit/redaction.ts";
import { RefusedError } from "../errors.ts";
import {
  type Approval,
  approvalsThatCount,
  type CountingContext,
  formatApprovers,
  isLapsed,
  signApproval,
  type SignedDocument,
} from "../core/approval.ts";
import {
  type ApprovalDocument,
  checkDocument,
  checkPlan,
  parseDocument,
} from "../core/approval_document.ts";
import { type Approvers, formatPerson, type Person } from "../core/approver.ts";
import { encodeBase64 } from "../core/encoding.ts";
import type { ExecutionRecord } from "../core/execution.ts";
import type { JournalKey } from "../core/journal_key.ts";
import type { Policy } from "../core/policy.ts";
import type { ExecutionState } from "../core/protocol.ts";
import { Turns } from "../core/turns.ts";
import type { Clock, Random } from "../runtime.ts";
import type { ExecutionBook } from "./book.ts";
import { assertLeader, type Leadership } from "./leadership.ts";
import type { MoveDetails } from "./move_details.ts";
import { assertCanonical } from "./stages.ts";

export interface ApprovalParts {
  readonly book: ExecutionBook;
  readonly approvers: Approvers;
  readonly policy: () => Policy;
  readonly key: JournalKey;
  readonly clock: Clock;
  readonly random: Pick<Random, "bytes">;
  readonly leadership: Leadership;
}

/** A document that a person signed elsewhere, as it arrived. */
export interface SignedDelivery {
  readonly document: Uint8Array;
  readonly bundle: Readonly<Record<string, unknown>>;
}

export class Approvals {
  /** Two persons at once are two approvals, not one and an error. */
  readonly #turns = new Turns();

  constructor(private readonly parts: ApprovalParts) {}

  /**
   * The record as it is then: approved, or still pending when more persons are needed.
   * @param atMs when the person said so; now unless given
   * Throws RefusedError `not_leader`, `not_found`, `not_approvable`, `approval_mismatch`, `expired`,
   * `approver_is_requester`, `already_approved`.
   */
  approve(
    id: string,
    planDigest: string,
    person: Person,
    atMs = Infinity,
  ): Promise<ExecutionRecord> {
    return this.#turns.take(id, async () => {
      const record = await this.#pending(id);
      checkPlan(record.plan?.digest, planDigest);
      return await this.#take(record, person, Math.min(this.parts.clock.now(), atMs), null);
    });
  }

  /** Throws RefusedError `not_leader`, `not_found`, `not_approvable`. */
  async reject(id: string, person: Person, reason: string): Promise<ExecutionRecord> {
    const by = formatPerson(person);
    const record = await this.#pending(id);
    const words = `rejected by ${by}`;
    if (reason === "") return await this.#decide(record, "cancelled", words, { actor: by });
    // Whatever a person types may hold what must not stay for years: the audit log has its hash.
    const text = salted(`${words}: ${reason}`, this.parts.random.bytes(SALT_BYTES));
    return await this.#decide(record, "cancelled", text, { actor: by, isReasonPrivate: true });
  }

  /**
   * Approves or rejects by a document that an approver signed. The same document again changes nothing.
   * @param id of the execution that it must be about; without it the document alone says
   * Throws what `approve` and `reject` throw, what verification refuses, InvalidInputError
   * `malformed_approval`, and RefusedError `wrong_target`, `approval_wrong_package`, `not_yet_valid`.
   */
  async takeSigned(delivery: SignedDelivery, id?: string): Promise<ExecutionRecord> {
    assertLeader(this.parts.leadership);
    const { document, bundle } = delivery;
    assertCanonical(bundle);
    const person = await this.parts.approvers.bySignature(document, bundle);
    const said = parseDocument(document);
    return await this.#turns.take(
      id ?? said.executionId,
      () => this.#follow(id ?? said.executionId, said, person, delivery),
    );
  }

  async #follow(
    id: string,
    said: ApprovalDocument,
    person: Person,
    { document, bundle }: SignedDelivery,
  ): Promise<ExecutionRecord> {
    const record = await this.parts.book.get(id);
    const signed = { document: encodeBase64(document), bundle };
    const isKnown = record.approvals.some((one) => one.signed?.document === signed.document);
    if (isKnown) return record;
    const nowMs = this.parts.clock.now();
    checkDocument(said, record, nowMs);
    if (said.decision === "reject") return await this.reject(id, person, said.reason);
    const atMs = Math.min(nowMs, Date.parse(said.issuedAt));
    return await this.#take(await this.#pending(id), person, atMs, signed);
  }

  async #take(
    record: ExecutionRecord,
    person: Person,
    atMs: number,
    signed: SignedDocument | null,
  ): Promise<ExecutionRecord> {
    const { approvers, clock, key } = this.parts;
    if (!record.plan) throw new TypeError(`${record.id} waits for approval without a plan`);
    const planDigest = record.plan.digest;
    const policy = this.parts.policy();
    const context = { approvers, policy, key, nowMs: clock.now() };
    this.#assertMayApprove(record, person, context.nowMs);
    const counting = await approvalsThatCount(record, planDigest, context);
    if (counting.some(({ approver }) => approver === person.name)) {
      throw new RefusedError("already_approved", `${person.name} has approved this plan already`, {
        hint:
          `another person is needed: ${counting.length} of ${policy.approval.count} have approved`,
      });
    }
    const about = { executionId: record.id, packageDigest: record.digest, planDigest };
    const given = { approver: person.name, means: person.means, atMs, signed };
    const approval = await signApproval(about, given, key);
    assertNotLapsed(approval, context);
    const approvals = [...counting, approval];
    const { count } = policy.approval;
    return await this.#decide(
      record,
      approvals.length >= count ? "approved" : "pending_approval",
      `approved by ${formatApprovers(approvals)}; ${approvals.length} of ${count}`,
      {
        actor: formatPerson(person),
        approvals,
        evidence: {
          type: "execution.approval",
          data: { ...about, approver: person.name, means: person.means, isSigned: signed !== null },
        },
      },
    );
  }

  #assertMayApprove(record: ExecutionRecord, person: Person, nowMs: number): void {
    if (nowMs >= record.expiresAtMs) {
      throw new RefusedError("expired", `${record.id} expired before it was approved`);
    }
    if (!this.parts.approvers.isRequester(person, record)) return;
    throw new RefusedError(
      "approver_is_requester",
      `${formatPerson(person)} signed the package, and cannot approve it as well`,
      { hint: "have another of execution.approvers look at it" },
    );
  }

  async #decide(
    record: ExecutionRecord,
    state: ExecutionState,
    reason: string,
    details: MoveDetails,
  ): Promise<ExecutionRecord> {
    try {
      return await this.parts.book.move(record, state, reason, details);
    } catch (error) {
      await this.#pending(record.id); // somebody else, or time, may have been faster
      throw error;
    }
  }

  async #pending(id: string): Promise<ExecutionRecord> {
    assertLeader(this.parts.leadership);
    const record = await this.parts.book.get(id);
    if (record.state === "pending_approval") return record;
    throw new RefusedError("not_approvable", `${id} is ${record.state}: ${record.reason}`, {
      hint: "only an execution in state pending_approval can be approved or rejected",
    });
  }
}

/** A document that lay about for long says little of today; sent again, it must not count anew. */
function assertNotLapsed(approval: Approval, context: CountingContext): void {
  if (!isLapsed(approval, context)) return;
  throw new RefusedError(
    "expired",
    `The approval was given at ${
      new Date(approval.atMs).toISOString()
    }, longer ago than the policy's approval.validFor`,
    { hint: "give a new one; to sign it: executions approval ID" },
  );
}
