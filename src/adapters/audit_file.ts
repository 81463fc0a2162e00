/**
 * The audit log on the local disk: one writer, group commit, fsync before anyone is told.
 * Layout and record format: docs/audit-log.md.
 */
import type { AuditEntry, AuditPosition } from "../core/audit.ts";
import { addLinks, type ChainHead, type ChainLink, extendChain } from "../core/audit/chain.ts";
import { signCheckpoint } from "../core/audit/checkpoint.ts";
import { concatBytes } from "../core/audit/lines.ts";
import { addLeaf } from "../core/audit/merkle.ts";
import { isOutcome } from "../core/audit/outcome.ts";
import { type PreparedEntry, prepareEntry } from "../core/audit/record.ts";
import {
  DAY_SEALED,
  dayByClock,
  genesisEntry,
  isBoundary,
  openedEntry,
  sealedEntry,
  SEGMENT_SEALED,
  segmentFileName,
} from "../core/audit/segment.ts";
import type { SegmentedLog } from "../core/audit/shipping.ts";
import { type LogState, MAX_TORN_BYTES } from "../core/audit/verify.ts";
import { describeError, InvalidInputError, RefusedError, TransientError } from "../errors.ts";
import type { AuditLogOptions, Open, OpenedParts } from "./audit_open.ts";
import { CommitQueue } from "./audit_queue.ts";
import { joinPath } from "./audit_recovery.ts";
import { RESERVE_BYTES } from "./audit_reserve.ts";
import type { SealedSegments } from "./audit_sealed.ts";
import { OpenSegment } from "./audit_segment.ts";
import { mergeTrims, recoveredEntry } from "./audit_trim.ts";

/** How long a caller waits for the disk before the act is refused. */
const MAX_WAIT_MS = 5_000;
const MAX_QUEUED = 4_096;
const MAX_WRITE_RECORDS = 512;
/** Leaves room for what the log itself adds: opened, recovered, clock_stepped. */
const MAX_WRITE_BYTES = MAX_TORN_BYTES - (64 << 10);
/** Above it a segment is sealed and the day goes on in another, so that one PUT stays small. */
const MAX_SEGMENT_BYTES = 16 << 20;
const FULL = "the disk is full: only ends and refusals are recorded, in space kept for them";

/** What the queue holds: a record, or only the wish that the days turn, or that the segment ends here. */
type Request = PreparedEntry | "rotate" | "seal";

export class FileAuditLog implements SegmentedLog {
  readonly segments: SealedSegments;
  readonly #queue: CommitQueue<Request, AuditPosition>;
  #state: LogState;
  #open: Open | null;
  #broken: RefusedError | null = null;
  #closed = false;
  /** What the log has to say of itself with the next write. */
  readonly #remarks: AuditEntry[] = [];

  /** Made by `openAuditLog` alone. */
  constructor(private readonly options: AuditLogOptions, private readonly parts: OpenedParts) {
    this.segments = parts.sealed;
    this.#state = parts.state;
    this.#open = parts.open;
    this.#queue = new CommitQueue({
      clock: options.clock,
      limits: {
        maxWaitMs: MAX_WAIT_MS,
        maxQueued: MAX_QUEUED,
        maxItems: MAX_WRITE_RECORDS,
        maxBytes: MAX_WRITE_BYTES,
      },
      sizeOf: (request) => typeof request === "string" ? 0 : request.maxBytes,
      commit: (requests) => this.#commit(requests),
      refuse: (why, cause) => this.#refuse(cause ?? new TransientError("timeout", why)),
      isRefusal: (outcome) => outcome instanceof RefusedError,
    });
  }

  async record(entry: AuditEntry): Promise<AuditPosition> {
    if (isBoundary(entry.type)) {
      throw new InvalidInputError("malformed_request", `Only the log itself writes ${entry.type}`);
    }
    const { clock, metrics } = this.options;
    const startedMs = clock.monotonic();
    const position = await this.#enqueue(prepareEntry(entry));
    metrics.auditAppendSeconds.observe((clock.monotonic() - startedMs) / 1000);
    return position;
  }

  async rotate(): Promise<void> {
    await this.#enqueue("rotate");
  }

  async seal(): Promise<void> {
    await this.#enqueue("seal");
  }

  /** Of what is durable now. */
  get head(): ChainHead {
    return this.#state.head;
  }

  /** The signed head of what is durable now. */
  async checkpoint(): Promise<{ size: number; note: string }> {
    const { tree } = this.#state.head;
    return { size: tree.size, note: await signCheckpoint(tree, this.options.signer) };
  }

  /** Finishes what is queued and takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#queue.idle();
    this.#open?.segment.close();
    this.#open = null;
  }

  async #enqueue(request: Request): Promise<AuditPosition> {
    if (this.#broken) throw this.#broken;
    if (this.#closed) throw unavailable("it is closed");
    return await this.#queue.add(request);
  }

  async #commit(requests: readonly Request[]): Promise<(AuditPosition | RefusedError)[]> {
    if (this.#broken) throw this.#broken;
    const { reserve } = this.parts;
    if (!reserve.isHeld && await reserve.refill()) {
      this.#remarks.push(diskEntry("audit.disk_freed"));
    }
    try {
      return await this.#write(requests);
    } catch (error) {
      const isFull = error instanceof TransientError && error.code === "disk_full";
      if (!isFull || !await reserve.release()) throw error;
      this.#remarks.push(diskEntry("audit.disk_full"));
      return await this.#write(requests);
    }
  }

  async #write(requests: readonly Request[]): Promise<(AuditPosition | RefusedError)[]> {
    const { clock, metrics, health, signer } = this.options;
    const { reserve, trims } = this.parts;
    const now = clock.now();
    if (!this.#open && requests.every((request) => request === "seal")) {
      const { sequence, hash } = this.#state.head;
      return requests.map(() => ({ sequence, hash }));
    }
    const { segment, start } = await this.#turnDays(now);
    const lines: Uint8Array[] = [];
    const leaves: Uint8Array[] = [];
    let link: ChainLink = this.#state.head;
    const add = (entry: AuditEntry | PreparedEntry, timeMs = now) => {
      const added = addLinks(link, entry, timeMs);
      lines.push(...added.lines);
      leaves.push(...added.leaves);
      link = added.link;
    };
    if (segment.bytes === 0) {
      const { day } = segment;
      const opening = start.day === null
        ? genesisEntry(signer.publicKey, day)
        : openedEntry(day, start.day);
      add(opening, Math.max(now, link.timeMs));
    }
    const { trim } = this.parts;
    if (trim) add(recoveredEntry(trim));
    for (const remark of this.#remarks) add(remark);
    const outcomes = requests.map((request) => {
      if (typeof request !== "string") {
        if (!reserve.isHeld && !isOutcome(request.type)) return unavailable(FULL);
        add(request);
      }
      return { sequence: link.sequence, hash: link.hash };
    });
    if (lines.length > 0) {
      const durable = segment.append(concatBytes(lines));
      // Done while the disk is busy.
      const head = { ...link, tree: leaves.reduce(addLeaf, this.#state.head.tree) };
      await durable;
      this.#remarks.length = 0;
      this.parts.trim = null;
      this.#state = { head, publicKey: signer.publicKey, day: segment.day, sealedBy: null };
      metrics.auditRecords.inc(lines.length);
      // One that stays is known to be done: the record is behind it.
      if (trim) await trims.clear().catch(() => {});
    }
    if (requests.includes("seal") && this.#open && segment.bytes > 0) {
      await this.#seal(this.#open, SEGMENT_SEALED, now);
    }
    if (reserve.isHeld) health.report("audit", "ok", `${link.sequence} records`);
    else health.report("audit", "degraded", FULL);
    return outcomes;
  }

  /** Repairs the open segment after a failed write, seals it when it is over, opens the next. */
  async #turnDays(now: number): Promise<Open> {
    const { files, maxSegmentBytes = MAX_SEGMENT_BYTES } = this.options;
    const { day: current } = this.#state;
    const day = dayByClock(now, this.#state);
    if (this.#open) {
      const { segment } = this.#open;
      await segment.prepare((bytes) => this.#noteTrim(segment.path, bytes));
      if (segment.bytes === 0 && segment.day !== day) {
        segment.close();
        this.#open = null;
        await files.remove(segment.path);
      } else if (day > segment.day) await this.#seal(this.#open, DAY_SEALED, now);
      else if (segment.bytes >= maxSegmentBytes) await this.#seal(this.#open, SEGMENT_SEALED, now);
    }
    if (this.#open) return this.#open;
    if (current !== null && day > current && this.#state.sealedBy === SEGMENT_SEALED) {
      await this.#endDay(current, now);
    }
    return this.#open = await this.#begin(day);
  }

  async #begin(day: string): Promise<Open> {
    const { files, directory } = this.options;
    const name = { day, firstSequence: this.#state.head.sequence + 1 };
    const path = joinPath(directory, segmentFileName(name));
    return { segment: await OpenSegment.open(files, path, name, 0), start: this.#state };
  }

  /** A day whose last segment was sealed before it was over, by size or by a stop, ends with one more. */
  async #endDay(day: string, now: number): Promise<void> {
    const open = this.#open = await this.#begin(day);
    const { head } = this.#state;
    const opening = extendChain(head, openedEntry(day, day), Math.max(now, head.timeMs));
    await open.segment.append(concatBytes(opening.lines));
    this.#state = { ...this.#state, head: opening.head, day, sealedBy: null };
    this.options.metrics.auditRecords.inc();
    await this.#seal(open, DAY_SEALED, now);
  }

  async #seal(open: Open, type: typeof DAY_SEALED | typeof SEGMENT_SEALED, now: number) {
    const { segment, start } = open;
    const { head } = this.#state;
    const name = { day: segment.day, firstSequence: segment.firstSequence };
    const entry = sealedEntry(name, head.sequence + 1, type === DAY_SEALED);
    const extension = extendChain(head, entry, Math.max(now, head.timeMs));
    await segment.append(concatBytes(extension.lines));
    this.#state = { ...this.#state, head: extension.head, sealedBy: type };
    this.options.metrics.auditRecords.inc();
    segment.close();
    this.#open = null;
    const end = { state: this.#state, bytes: segment.bytes, torn: null };
    this.segments.add({ fileName: segmentFileName(name), name, before: start, end });
    this.options.log.log("info", "audit_segment_sealed", { ...name, bytes: segment.bytes });
  }

  async #noteTrim(path: string, trimmedBytes: number): Promise<void> {
    const file = path.slice(path.lastIndexOf("/") + 1);
    const after = this.#state.head.sequence;
    const trim = { file, trimmedBytes, reason: "a write failed half-way", after };
    this.parts.trim = mergeTrims(this.parts.trim, trim);
    await this.parts.trims.write(this.parts.trim);
  }

  #refuse(error: unknown): RefusedError {
    const { health, log } = this.options;
    const text = describeError(error);
    log.log("error", "audit_refused", { error: text });
    if (error instanceof RefusedError && error.code === "audit_broken") {
      health.report("audit", "stalled", text);
      return this.#broken = error;
    }
    health.report("audit", "degraded", text);
    return unavailable(text, error);
  }
}

function unavailable(why: string, cause?: unknown): RefusedError {
  return new RefusedError("audit_unavailable", `Cannot write to the audit log: ${why}`, {
    cause,
    hint: "nothing is done that cannot be recorded; look after the disk of the state directory",
  });
}

function diskEntry(type: string): AuditEntry {
  return { type, actor: "connector", subject: "disk", data: { reserveBytes: RESERVE_BYTES } };
}
