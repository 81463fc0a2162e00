/**
 * The one place where an execution changes state. Each move is first in the audit log, then in the
 * journal, then in a receipt; a crash between any two is made good when the book is opened again.
 * Settled executions are in the journal only: memory holds what is left to do, and each stream's head.
 */
import { InvalidInputError, RefusedError } from "../errors.ts";
import { sealRecord } from "../core/execution_seal.ts";
import {
  byArrival,
  clip,
  type ExecutionRecord,
  isOpen,
  joinSigners,
  moveTo,
  type PackageMaterial,
  type Preimage,
  type RecordChange,
} from "../core/execution.ts";
import type { ExecutionState } from "../core/protocol.ts";
import { Recent } from "../core/recent.ts";
import { isReceipted, isSettled, receiptKey } from "../core/receipt.ts";
import { risenHead, type StreamHead } from "../core/stream_head.ts";
import { Turns } from "../core/turns.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock } from "../runtime.ts";
import { announce, announceAll, type AnnouncingParts } from "./announcing.ts";
import type { Journal, ListOptions, RecordPage } from "./journal.ts";
import { checkHead, checkPackage, checkPreimages, checkSeal, digestOf } from "./journal_proof.ts";
import type { MoveDetails, Step } from "./move_details.ts";
import { Opening } from "./opening.ts";
import { Outcomes } from "./outcomes.ts";
import type { ReceiptIssuer } from "./receipt_issuer.ts";

const MAX_PACKS = 16;
const MAX_PACK_LENGTH = 128 * 1024;

export interface BookParts extends AnnouncingParts {
  readonly journal: Journal;
  readonly receipts: ReceiptIssuer;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export class ExecutionBook {
  /** Those that are not settled, in the order in which they came. */
  readonly #records = new Map<string, ExecutionRecord>();
  readonly #open = new Set<string>();
  readonly #heads = new Map<string, StreamHead>();
  /** What has just come in, to be claimed, planned and begun a moment later. */
  readonly #packs = new Recent<PackageMaterial>(MAX_PACKS);
  readonly #turns = new Turns();
  readonly opening = new Opening();
  readonly #listeners = new Set<() => void>();
  readonly #outcomes: Outcomes;

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
    this.#packs.clear();
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
    return this.#packs.peek(record.id) ??
      checkPackage(record, await this.parts.journal.package(record.id));
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

  /** How far a stream has come; undefined for a new one. */
  head(stream: string): StreamHead | undefined {
    return this.#heads.get(stream);
  }

  /** Writes a new record, or takes a refused one up again. */
  enter(record: ExecutionRecord, pack: PackageMaterial): Promise<ExecutionRecord> {
    return this.#turns.take(record.id, async () => {
      const opening = this.opening.present();
      const reason = clip(record.reason);
      const entered = { ...record, reason, bundlesDigest: digestOf(pack.bundles) };
      const sealed = await announce(entered, joinSigners(record.signers), this.parts);
      const stored = await this.parts.journal.create(sealed, pack) ??
        await this.#retake(sealed, pack);
      if (!stored) {
        throw new InvalidInputError("malformed_request", `${record.id} is in the journal already`, {
          hint: "send it again to learn its state",
        });
      }
      this.opening.assertStill(opening);
      if (pack.payload.length <= MAX_PACK_LENGTH) this.#packs.set(record.id, pack);
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
    { actor = "connector", evidence, isReasonPrivate = false, ...change }: MoveDetails = {},
  ): Promise<ExecutionRecord> {
    return this.#turns.take(record.id, async () => {
      const opening = this.opening.present();
      await this.#assertLatest(record);
      const moved = moveTo(record, state, reason, this.parts.clock.now(), change);
      if (evidence) await this.parts.audit.record({ ...evidence, actor, subject: record.id });
      const stored = await this.parts.journal.replace(
        await announce(moved, actor, this.parts, isReasonPrivate),
      );
      this.opening.assertStill(opening);
      return await this.#settle(stored);
    });
  }

  /**
   * Several moves at one go, where nobody relies on the states between: each has its audit record, in
   * order, and the last one alone is written to the journal. Throws what `move` throws.
   */
  moveThrough(record: ExecutionRecord, steps: readonly Step[]): Promise<ExecutionRecord> {
    return this.#turns.take(record.id, async () => {
      const opening = this.opening.present();
      await this.#assertLatest(record);
      const nowMs = this.parts.clock.now();
      const moved: ExecutionRecord[] = [];
      for (const { state, reason, ...change } of steps) {
        moved.push(moveTo(moved.at(-1) ?? record, state, reason, nowMs, change));
      }
      const announced = await announceAll(moved, "connector", this.parts);
      const stored = await this.parts.journal.replace(announced);
      this.opening.assertStill(opening);
      moved.slice(0, -1).forEach((between) => this.#tell(between));
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

  /** null when it is there, and was not refused. */
  async #retake(record: ExecutionRecord, pack: PackageMaterial): Promise<ExecutionRecord | null> {
    const before = await this.find(record.id);
    if (before?.state !== "refused") return null;
    return await this.parts.journal.replace({ ...record, version: before.version }, pack);
  }

  async #assertLatest(record: ExecutionRecord): Promise<void> {
    const latest = await this.get(record.id);
    if (latest.version === record.version) return;
    throw new RefusedError(
      "not_leader",
      `${record.id} has changed meanwhile and is ${latest.state}: ${latest.reason}`,
    );
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
    this.#tell(record);
    if (isReceipted(record.state)) await this.#outcomes.tryToConclude(record);
    for (const listener of this.#listeners) listener();
    return record;
  }

  #tell({ id, state, code, reason }: ExecutionRecord): void {
    this.parts.metrics.executions.inc({ state });
    if (state === "refused") this.parts.metrics.refusals.inc({ code: code ?? "" });
    this.parts.log.log("info", "execution_moved", { execution: id, state, code, reason });
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
