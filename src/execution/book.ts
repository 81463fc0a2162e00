/**
 * The one place where an execution changes state. Each move is first in the audit log, then in the
 * journal, then in a receipt; a crash between any two is made good when the book is opened again.
 */
import { describeError, InvalidInputError, RefusedError, StalledError } from "../errors.ts";
import type { AuditEntry, AuditLog } from "../core/audit.ts";
import { formatApprover } from "../core/approval.ts";
import { type ConnectorKey, importPublicKey } from "../core/connector_key.ts";
import { isSealed, sealRecord } from "../core/execution_seal.ts";
import {
  clip,
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
import { Turns } from "./turns.ts";

export interface BookParts {
  readonly journal: Journal;
  readonly audit: AuditLog;
  readonly receipts: ReceiptIssuer;
  readonly key: ConnectorKey;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export interface MoveDetails extends RecordChange {
  /** Whose decision it is; the connector's own unless given. */
  readonly actor?: string;
  /** What the decision rests on: on record right before it, for the same actor and execution. */
  readonly evidence?: Pick<AuditEntry, "type" | "data">;
}

export class ExecutionBook {
  /** In the order in which they came. */
  readonly #records = new Map<string, ExecutionRecord>();
  readonly #open = new Set<string>();
  readonly #highest = new Map<string, number>();
  readonly #turns = new Turns();
  readonly #listeners = new Set<() => void>();
  /** Outcomes whose receipts could not be written yet. */
  #owed: ExecutionRecord[] = [];
  #moves = 0;

  constructor(private readonly parts: BookParts) {}

  /**
   * Reads the journal and issues the receipts that a crash left unwritten.
   * Throws StalledError `state_damaged` for a record that was not written by this connector.
   */
  async open(): Promise<void> {
    const publicKey = await importPublicKey(this.parts.key.publicKey);
    const records: ExecutionRecord[] = [];
    for await (const record of this.parts.journal.load()) {
      if (!await isSealed(record, publicKey)) throw forged(record.id);
      records.push(inMemory(record));
    }
    records.sort((a, b) => a.receivedAtMs - b.receivedAtMs || (a.id < b.id ? -1 : 1));
    for (const record of records) {
      this.#keep(record);
      if (isReceipted(record.state)) await this.parts.receipts.issue(record);
    }
  }

  /** Throws RefusedError `not_found`. */
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
    return [...this.#records.values()];
  }

  /** Those that have not ended, oldest first; as few as the intake lets in, however long the journal. */
  listOpen(): ExecutionRecord[] {
    return [...this.#open].map((id) => this.get(id));
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** Counts every move since the start, so that a waiter can tell that it missed none. */
  get moves(): number {
    return this.#moves;
  }

  /** The highest sequence that a stream has accepted; null in a new stream. */
  highestSequence(stream: string): number | null {
    return this.#highest.get(stream) ?? null;
  }

  /** Writes a new record, or takes a refused one up again. */
  enter(record: ExecutionRecord): Promise<ExecutionRecord> {
    return this.#turns.take(record.id, async () => {
      const before = this.#records.get(record.id);
      const entered = { ...record, reason: clip(record.reason) };
      const sealed = await this.#announce(entered, record.signer);
      const stored = before?.state === "refused"
        ? await this.parts.journal.replace({ ...sealed, version: before.version })
        : await this.parts.journal.create(sealed);
      if (!stored) {
        throw new InvalidInputError("malformed_request", `${record.id} is in the journal already`, {
          hint: "send it again to learn its state",
        });
      }
      this.#records.delete(record.id); // one that is taken up again counts as the newest
      return await this.#settle(stored);
    });
  }

  /**
   * @param record as the caller judged it
   * Throws RefusedError `not_leader` when it has changed since, and whatever audit log and journal throw.
   */
  move(
    record: ExecutionRecord,
    state: ExecutionState,
    reason: string,
    { actor = "connector", evidence, ...change }: MoveDetails = {},
  ): Promise<ExecutionRecord> {
    return this.#turns.take(record.id, async () => {
      this.#assertLatest(record);
      const moved = moveTo(record, state, reason, this.parts.clock.now(), change);
      if (evidence) await this.parts.audit.record({ ...evidence, actor, subject: record.id });
      return await this.#settle(
        await this.parts.journal.replace(await this.#announce(moved, actor)),
      );
    });
  }

  /** Progress within a state: durable, but no audit entry and no receipt. */
  note(record: ExecutionRecord, change: RecordChange): Promise<ExecutionRecord> {
    return this.#turns.take(record.id, async () => {
      this.#assertLatest(record);
      const sealed = await sealRecord({ ...record, ...change }, this.parts.key);
      return this.#keep(await this.parts.journal.replace(sealed));
    });
  }

  /** Writes the receipts that a full disk, say, kept from being written. */
  async issueOwed(): Promise<void> {
    for (const record of [...this.#owed]) {
      await this.parts.receipts.issue(record);
      this.#owed = this.#owed.filter((other) => other !== record);
    }
  }

  /** Calls back after every move; returns how to stop it. */
  onMove(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #assertLatest(record: ExecutionRecord): void {
    const latest = this.get(record.id);
    if (latest.version === record.version) return;
    throw new RefusedError(
      "not_leader",
      `${record.id} has changed meanwhile and is ${latest.state}: ${latest.reason}`,
    );
  }

  /** On the audit log's disk before it is anywhere else. */
  async #announce(record: ExecutionRecord, actor: string): Promise<ExecutionRecord> {
    const { sequence } = await this.parts.audit.record({
      type: `execution.${record.state}`,
      actor,
      subject: record.id,
      data: {
        digest: record.digest,
        name: record.name,
        stream: record.stream,
        sequence: record.sequence,
        risk: record.risk,
        signer: record.signer,
        code: record.code,
        reason: record.reason,
        planDigest: record.plan?.digest ?? null,
        approvers: record.approvals.map(formatApprover),
      },
    });
    return await sealRecord({ ...record, auditSequence: sequence }, this.parts.key);
  }

  async #settle(stored: ExecutionRecord): Promise<ExecutionRecord> {
    const record = this.#keep(stored);
    const { id, state, code, reason } = record;
    this.parts.metrics.executions.inc({ state });
    if (state === "refused") this.parts.metrics.refusals.inc({ code: code ?? "" });
    this.parts.log.log("info", "execution_moved", { execution: id, state, code, reason });
    if (isReceipted(state)) await this.#issue(record);
    this.#moves += 1;
    for (const listener of this.#listeners) listener();
    return record;
  }

  /** The move is durable already: a receipt that cannot be written now must not undo or hide it. */
  async #issue(record: ExecutionRecord): Promise<void> {
    this.#owed.push(record);
    try {
      await this.issueOwed();
    } catch (error) {
      this.parts.log.log("warn", "receipt_delayed", {
        execution: record.id,
        reason: describeError(error),
      });
    }
  }

  #keep(stored: ExecutionRecord): ExecutionRecord {
    const record = inMemory(stored);
    const { id, state, stream, sequence } = record;
    this.#records.set(id, record);
    if (isOpen(state)) this.#open.add(id);
    else this.#open.delete(id);
    const highest = this.#highest.get(stream);
    if (wasAccepted(state)) this.#highest.set(stream, Math.max(highest ?? 0, sequence));
    else if (highest === sequence) this.#recount(stream);
    return record;
  }

  /** A refused package gives its place in the stream back. */
  #recount(stream: string): void {
    const sequences = this.list()
      .filter((record) => record.stream === stream && wasAccepted(record.state))
      .map(({ sequence }) => sequence);
    if (sequences.length === 0) this.#highest.delete(stream);
    else this.#highest.set(stream, Math.max(...sequences));
  }
}

function inMemory(record: ExecutionRecord): ExecutionRecord {
  return isOpen(record.state) ? record : { ...record, material: null };
}

function forged(id: string): StalledError {
  return new StalledError(
    "state_damaged",
    `The journal's record of ${id} is not as this connector left it: its seal does not hold`,
    {
      hint: "find out who changed it; restore it from a backup, or move it away to forget it. " +
        "If key.pem was replaced, move the whole journal away",
    },
  );
}
