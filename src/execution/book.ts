/**
 * The one place where an execution changes state. Each move is first in the audit log, then in the
 * journal, then in a receipt; a crash between any two is made good when the book is opened again.
 */
import { InvalidInputError, RefusedError } from "../errors.ts";
import type { AuditLog } from "../core/audit.ts";
import {
  type ExecutionRecord,
  isOpen,
  moveTo,
  type RecordChange,
  wasAccepted,
} from "../core/execution.ts";
import type { ExecutionState } from "../core/protocol.ts";
import { isReceipted } from "../core/receipt.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock } from "../runtime.ts";
import type { Journal } from "./journal.ts";
import type { ReceiptIssuer } from "./receipt_issuer.ts";

export interface BookParts {
  readonly journal: Journal;
  readonly audit: AuditLog;
  readonly receipts: ReceiptIssuer;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export class ExecutionBook {
  readonly #records = new Map<string, ExecutionRecord>();
  readonly #listeners = new Set<() => void>();
  /** Counts every move since the start, so that a waiter can tell that it missed none. */
  moves = 0;

  constructor(private readonly parts: BookParts) {}

  /** Reads the journal and issues the receipts that a crash left unwritten. */
  async open(): Promise<void> {
    this.#records.clear();
    for (const record of await this.parts.journal.load()) this.#records.set(record.id, record);
    for (const record of this.#records.values()) {
      if (isReceipted(record.state)) await this.parts.receipts.issue(record);
    }
  }

  get(id: string): ExecutionRecord {
    const record = this.#records.get(id);
    if (record) return record;
    throw new RefusedError("not_found", `There is no execution ${id}`, {
      hint: "list them with: neuralops-connector executions list",
    });
  }

  find(id: string): ExecutionRecord | undefined {
    return this.#records.get(id);
  }

  /** Oldest first. */
  list(): ExecutionRecord[] {
    return [...this.#records.values()]
      .sort((a, b) => a.receivedAtMs - b.receivedAtMs || (a.id < b.id ? -1 : 1));
  }

  openCount(): number {
    return this.list().filter((record) => isOpen(record.state)).length;
  }

  /** The highest sequence that a stream has accepted; null in a new stream. */
  highestSequence(stream: string): number | null {
    let highest: number | null = null;
    for (const record of this.#records.values()) {
      if (record.stream !== stream || !wasAccepted(record.state)) continue;
      highest = Math.max(highest ?? 0, record.sequence);
    }
    return highest;
  }

  /** Writes a new record, or takes a refused one up again. The audit entry is durable first. */
  async enter(record: ExecutionRecord): Promise<ExecutionRecord> {
    const audited = await this.#audited(record, record.reason);
    const before = this.#records.get(record.id);
    const stored = before?.state === "refused"
      ? await this.parts.journal.replace({ ...audited, version: before.version })
      : await this.parts.journal.create(audited);
    if (!stored) {
      throw new InvalidInputError("malformed_request", `${record.id} was received twice at once`, {
        hint: "send it again to learn its state",
      });
    }
    return await this.#settle(stored);
  }

  async move(
    id: string,
    state: ExecutionState,
    reason: string,
    change: RecordChange = {},
  ): Promise<ExecutionRecord> {
    const moved = moveTo(this.get(id), state, reason, this.parts.clock.now(), change);
    return await this.#settle(
      await this.parts.journal.replace(await this.#audited(moved, reason)),
    );
  }

  /** Progress within a state: durable, but no audit entry and no receipt. */
  async note(id: string, change: RecordChange): Promise<ExecutionRecord> {
    const stored = await this.parts.journal.replace({ ...this.get(id), ...change });
    this.#records.set(id, stored);
    return stored;
  }

  /** Calls back after every move; returns how to stop it. */
  onMove(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #audited(record: ExecutionRecord, reason: string): Promise<ExecutionRecord> {
    const { sequence } = await this.parts.audit.record({
      type: `execution.${record.state}`,
      actor: record.approvals.at(-1)?.approver ?? record.signer,
      subject: record.id,
      data: {
        digest: record.digest,
        name: record.name,
        stream: record.stream,
        sequence: record.sequence,
        risk: record.risk,
        signer: record.signer,
        code: record.code,
        reason,
        planDigest: record.plan?.digest ?? null,
      },
    });
    return { ...record, auditSequence: sequence };
  }

  async #settle(record: ExecutionRecord): Promise<ExecutionRecord> {
    this.#records.set(record.id, record);
    this.parts.metrics.executions.inc({ state: record.state });
    this.parts.log.log("info", "execution_moved", {
      execution: record.id,
      state: record.state,
      code: record.code,
      reason: record.reason,
    });
    if (isReceipted(record.state)) await this.parts.receipts.issue(record);
    this.moves += 1;
    for (const listener of this.#listeners) listener();
    return record;
  }
}
