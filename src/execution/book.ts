/**
 * The one place where an execution changes state. Each move is first in the audit log, then in the
 * journal, then in a receipt; a crash between any two is made good when the book is opened again.
 * Settled executions are in the journal only: memory holds what is left to do, and each stream's head.
 */
import { InvalidInputError, RefusedError } from "../errors.ts";
import type { AuditLog } from "../core/audit.ts";
import { sealRecord } from "../core/execution_seal.ts";
import {
  byArrival,
  clip,
  type ExecutionRecord,
  isOpen,
  moveTo,
  type PackageMaterial,
  type Preimage,
  type RecordChange,
} from "../core/execution.ts";
import type { JournalKey } from "../core/journal_key.ts";
import type { ExecutionState } from "../core/protocol.ts";
import { isReceipted, isSettled, receiptKey } from "../core/receipt.ts";
import { risenHead, type StreamHead } from "../core/stream_head.ts";
import { Turns } from "../core/turns.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock } from "../runtime.ts";
import type { Journal, ListOptions, RecordPage } from "./journal.ts";
import { checkHead, checkPackage, checkPreimages, checkSeal, digestOf } from "./journal_proof.ts";
import { Opening } from "./opening.ts";
import { Outcomes } from "./outcomes.ts";
import type { ReceiptIssuer } from "./receipt_issuer.ts";

export interface BookParts {
  readonly journal: Journal;
  readonly audit: AuditLog;
  readonly receipts: ReceiptIssuer;
  readonly key: JournalKey;
  /** Origin of the audit log's checkpoints: what `auditSequence` counts in. */
  readonly auditLog: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export interface MoveDetails extends RecordChange {
  /** Whose decision it is; the connector's own unless given. */
  readonly actor?: string;
}

export class ExecutionBook {
  /** Those that are not settled, in the order in which they came. */
  readonly #records = new Map<string, ExecutionRecord>();
  readonly #open = new Set<string>();
  readonly #heads = new Map<string, StreamHead>();
  readonly #turns = new Turns();
  readonly opening = new Opening();
  readonly #listeners = new Set<() => void>();
  readonly #outcomes: Outcomes;
  #moves = 0;

  constructor(private readonly parts: BookParts) {
    this.#outcomes = new Outcomes({
      ...parts,
      isLatest: ({ id, version }) => this.#records.get(id)?.version === version,
    });
  }

  /**
   * Reads what is left to do and issues the receipts that a crash left unwritten. Once at the start, and
   * again where another process may have written the journal since.
   * Throws StalledError `state_damaged` for what was not written with this journal's key.
   */
  async open(): Promise<void> {
    this.close();
    const { open, heads } = await this.parts.journal.open();
    for (const record of open) {
      await checkSeal(record, this.parts.key);
      checkHead(heads.get(record.stream), record);
    }
    for (const [stream, head] of heads) this.#heads.set(stream, head);
    for (const record of [...open].sort(byArrival)) {
      this.#keep(record);
      if (isReceipted(record.state)) await this.#outcomes.conclude(record);
    }
    this.opening.begin();
  }

  /** Forgets everything: another process may write the journal from here on. */
  close(): void {
    this.opening.end();
    this.#records.clear();
    this.#open.clear();
    this.#heads.clear();
    this.#outcomes.clear();
  }

  /** Throws RefusedError `not_found`. */
  async get(id: string): Promise<ExecutionRecord> {
    const record = await this.find(id);
    if (record) return record;
    throw new RefusedError("not_found", `There is no execution ${id}`, {
      hint: "list them with: neuralops-connector executions list",
    });
  }

  /** null when there is none. Throws StalledError `state_damaged`. */
  async find(id: string): Promise<ExecutionRecord | null> {
    this.opening.present();
    const known = this.#records.get(id);
    if (known) return known;
    const record = await this.parts.journal.find(id);
    if (record) await checkSeal(record, this.parts.key);
    return record;
  }

  /** Newest first. Throws StalledError `state_damaged`. */
  async list(options: ListOptions): Promise<RecordPage> {
    this.opening.present();
    const page = await this.parts.journal.list(options);
    await Promise.all(page.records.map((record) => checkSeal(record, this.parts.key)));
    return page;
  }

  /** Those that have not ended, oldest first; as few as the intake lets in, however long the journal. */
  listOpen(): ExecutionRecord[] {
    return [...this.#open].map((id) => this.#records.get(id)!);
  }

  /** What came in, as it is signed for in the record. Throws StalledError `state_damaged`. */
  async package(record: ExecutionRecord): Promise<PackageMaterial> {
    return checkPackage(record, await this.parts.journal.package(record.id));
  }

  /** Throws StalledError `state_damaged`. */
  async preimages(record: ExecutionRecord): Promise<readonly Preimage[]> {
    return checkPreimages(record, await this.parts.journal.preimages(record.id));
  }

  /** Durable when it resolves. Returns the digest for the record. */
  async savePreimages({ id }: ExecutionRecord, preimages: readonly Preimage[]): Promise<string> {
    await this.parts.journal.savePreimages(id, preimages);
    return digestOf(preimages);
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** Counts every move since the start, so that a waiter can tell that it missed none. */
  get moves(): number {
    return this.#moves;
  }

  /** How far a stream has come; undefined for a new one. */
  head(stream: string): StreamHead | undefined {
    return this.#heads.get(stream);
  }

  /** Writes a new record, or takes a refused one up again. */
  enter(record: ExecutionRecord, pack: PackageMaterial): Promise<ExecutionRecord> {
    return this.#turns.take(record.id, async () => {
      const opening = this.opening.present();
      const before = await this.find(record.id);
      const entered = {
        ...record,
        reason: clip(record.reason),
        bundlesDigest: digestOf(pack.bundles),
      };
      const sealed = await this.#announce(entered, record.signer);
      const stored = before?.state === "refused"
        ? await this.parts.journal.replace({ ...sealed, version: before.version }, pack)
        : await this.parts.journal.create(sealed, pack);
      if (!stored) {
        throw new InvalidInputError("malformed_request", `${record.id} is in the journal already`, {
          hint: "send it again to learn its state",
        });
      }
      this.opening.assertStill(opening);
      this.#records.delete(record.id); // one that is taken up again counts as the newest
      const head = risenHead(this.head(stored.stream), stored);
      if (head) this.#heads.set(stored.stream, head);
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
    { actor = "connector", ...change }: MoveDetails = {},
  ): Promise<ExecutionRecord> {
    return this.#turns.take(record.id, async () => {
      const opening = this.opening.present();
      await this.#assertLatest(record);
      const moved = moveTo(record, state, reason, this.parts.clock.now(), change);
      const stored = await this.parts.journal.replace(await this.#announce(moved, actor));
      this.opening.assertStill(opening);
      return await this.#settle(stored);
    });
  }

  /** Progress within a state: durable, but no audit entry and no receipt. */
  note(record: ExecutionRecord, change: RecordChange): Promise<ExecutionRecord> {
    return this.#turns.take(record.id, async () => {
      await this.#assertLatest(record);
      return await this.#note(record, change);
    });
  }

  /** The control plane has this receipt. When it tells of the end, nothing is left to do about the execution. */
  noteReceipt(id: string, key: string): Promise<void> {
    return this.#turns.take(id, async () => {
      const record = this.#records.get(id);
      if (!record || isOpen(record.state) || receiptKey(record) !== key) return;
      await this.#note(record, { receipted: key });
    });
  }

  /** Does what a full disk, say, kept from being done about earlier outcomes. */
  async concludeOwed(): Promise<void> {
    await this.#outcomes.concludeOwed();
  }

  /** Calls back after every move; returns how to stop it. */
  onMove(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #assertLatest(record: ExecutionRecord): Promise<void> {
    const latest = await this.get(record.id);
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
        approvers: record.approvals.map(({ approver }) => approver),
      },
    });
    const { auditLog, key } = this.parts;
    return await sealRecord({ ...record, auditSequence: sequence, auditLog }, key);
  }

  async #note(record: ExecutionRecord, change: RecordChange): Promise<ExecutionRecord> {
    const opening = this.opening.present();
    const sealed = await sealRecord({ ...record, ...change }, this.parts.key);
    const stored = await this.parts.journal.replace(sealed);
    this.opening.assertStill(opening);
    return this.#keep(stored);
  }

  async #settle(stored: ExecutionRecord): Promise<ExecutionRecord> {
    const record = this.#keep(stored);
    const { id, state, code, reason } = record;
    this.parts.metrics.executions.inc({ state });
    if (state === "refused") this.parts.metrics.refusals.inc({ code: code ?? "" });
    this.parts.log.log("info", "execution_moved", { execution: id, state, code, reason });
    if (isReceipted(state)) await this.#outcomes.tryToConclude(record);
    this.#moves += 1;
    for (const listener of this.#listeners) listener();
    return record;
  }

  #keep(record: ExecutionRecord): ExecutionRecord {
    const { id, state } = record;
    if (isSettled(record)) this.#records.delete(id);
    else this.#records.set(id, record);
    if (isOpen(state)) this.#open.add(id);
    else this.#open.delete(id);
    return record;
  }
}
