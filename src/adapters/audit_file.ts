/**
 * The audit log on the local disk: one writer, group commit, fsync before anyone is told.
 * Layout and record format: docs/audit-log.md.
 */
import type { AuditEntry, AuditPosition } from "../core/audit.ts";
import { type ChainHead, extendChain } from "../core/audit/chain.ts";
import { type CheckpointSigner, signCheckpoint } from "../core/audit/checkpoint.ts";
import { concatBytes } from "../core/audit/lines.ts";
import { checkEntry } from "../core/audit/record.ts";
import {
  DAY_SEALED,
  dayOf,
  genesisEntry,
  isBoundary,
  openedEntry,
  sealedEntry,
  SEGMENT_SEALED,
  segmentFileName,
} from "../core/audit/segment.ts";
import type { SegmentedLog } from "../core/audit/shipping.ts";
import { type LogState, MAX_WRITE_RECORDS } from "../core/audit/verify.ts";
import type { HealthBoard } from "../core/health.ts";
import { describeError, InvalidInputError, RefusedError, TransientError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock, Files } from "../runtime.ts";
import { followDirectory, joinPath, type StoredSegment } from "./audit_recovery.ts";
import { SealedSegments } from "./audit_sealed.ts";
import { OpenSegment } from "./audit_segment.ts";

/** How long a caller waits for the disk before the act is refused. */
const MAX_WAIT_MS = 5_000;
const MAX_QUEUED = 4_096;
/** Leaves room for what the log itself adds: opened, recovered, clock_stepped. */
const MAX_BATCH_RECORDS = MAX_WRITE_RECORDS - 4;
/** Above it a segment is sealed and the day goes on in another, so that one PUT stays small. */
const MAX_SEGMENT_BYTES = 16 << 20;

export interface AuditLogOptions {
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, "auditRecords" | "auditAppendSeconds">;
  readonly health: HealthBoard;
  readonly directory: string;
  readonly signer: CheckpointSigner;
  readonly maxSegmentBytes?: number;
}

/** A request in the queue; without an entry it only lets the days turn. */
interface Waiting {
  readonly entry: AuditEntry | null;
  readonly resolve: (position: AuditPosition) => void;
  readonly reject: (error: unknown) => void;
}

/** What was cut off a file and is not yet on record. */
interface Recovered {
  readonly file: string;
  readonly trimmedBytes: number;
  readonly reason: string;
}

/**
 * Opens the log, or begins one. Follows the whole local chain first.
 * @throws RefusedError `audit_broken` for damage that no unfinished write explains; nothing is changed then
 */
export async function openAuditLog(options: AuditLogOptions): Promise<FileAuditLog> {
  const { files, directory, signer, log, health } = options;
  await files.ensureDirectory(directory);
  const { base, state, segments } = await followDirectory(files, directory, signer.publicKey);
  const last = segments.at(-1);
  const isOpen = last !== undefined && (state.sealedBy === null || last.end.bytes === 0);
  const sealed = await SealedSegments.load(
    options,
    base,
    isOpen ? segments.slice(0, -1) : segments,
  );
  let recovered: Recovered | null = null;
  if (last?.end.torn) {
    const trimmedBytes = last.end.torn.length;
    await files.truncate(joinPath(directory, last.fileName), last.end.bytes);
    recovered = { file: last.fileName, trimmedBytes, reason: "unfinished write at the last stop" };
    log.log("warn", "audit_recovered", { file: last.fileName, trimmedBytes });
  }
  const open = isOpen ? await reopen(options, last) : null;
  health.report("audit", "ok", `${state.head.sequence} records, the chain holds`);
  return new FileAuditLog(options, sealed, state, open, recovered);
}

interface Open {
  readonly segment: OpenSegment;
  /** Where the log stood before this segment. */
  readonly start: LogState;
}

/** A file without a whole record is begun anew, under the day that it will be then. */
async function reopen(options: AuditLogOptions, last: StoredSegment): Promise<Open | null> {
  const { files, directory } = options;
  const path = joinPath(directory, last.fileName);
  if (last.end.bytes === 0) {
    await files.remove(path);
    return null;
  }
  const segment = await OpenSegment.open(files, path, last.name, last.end.bytes);
  return { segment, start: last.before };
}

export class FileAuditLog implements SegmentedLog {
  #queue: Waiting[] = [];
  #draining: Promise<void> | null = null;
  #broken: RefusedError | null = null;
  #closed = false;

  /** Made by `openAuditLog` alone. */
  constructor(
    private readonly options: AuditLogOptions,
    readonly segments: SealedSegments,
    private state: LogState,
    private open: Open | null,
    private recovered: Recovered | null,
  ) {}

  async record(entry: AuditEntry): Promise<AuditPosition> {
    if (isBoundary(entry.type)) {
      throw new InvalidInputError("malformed_request", `Only the log itself writes ${entry.type}`);
    }
    const startedMs = this.options.clock.monotonic();
    const position = await this.#enqueue(checkEntry(entry));
    const elapsedMs = this.options.clock.monotonic() - startedMs;
    this.options.metrics.auditAppendSeconds.observe(elapsedMs / 1000);
    return position;
  }

  async rotate(): Promise<void> {
    await this.#enqueue(null);
  }

  /** Of what is durable now. */
  get head(): ChainHead {
    return this.state.head;
  }

  /** The signed head of what is durable now. */
  async checkpoint(): Promise<{ size: number; note: string }> {
    const { tree } = this.state.head;
    return { size: tree.size, note: await signCheckpoint(tree, this.options.signer) };
  }

  /** Finishes what is queued and takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
    this.open?.segment.close();
    this.open = null;
  }

  async #enqueue(entry: AuditEntry | null): Promise<AuditPosition> {
    if (this.#broken) throw this.#broken;
    if (this.#closed) throw unavailable("it is closed");
    if (this.#queue.length >= MAX_QUEUED) throw unavailable(`${MAX_QUEUED} records are waiting`);
    const { promise, resolve, reject } = Promise.withResolvers<AuditPosition>();
    const waiting = { entry, resolve, reject };
    this.#queue.push(waiting);
    this.#draining ??= this.#drain();
    const patience = new AbortController();
    this.options.clock.sleep(MAX_WAIT_MS, patience.signal).then(() => {
      this.#queue = this.#queue.filter((other) => other !== waiting);
      reject(this.#refuse(new TransientError("timeout", "the disk did not answer in time")));
    }, () => {});
    try {
      return await promise;
    } finally {
      patience.abort();
    }
  }

  async #drain(): Promise<void> {
    await Promise.resolve(); // whoever calls in this same turn shares the write
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, MAX_BATCH_RECORDS);
      try {
        const positions = await this.#commit(batch.map(({ entry }) => entry));
        batch.forEach(({ resolve }, index) => resolve(positions[index]!));
      } catch (error) {
        const refusal = this.#refuse(error);
        for (const { reject } of batch) reject(refusal);
      }
    }
    this.#draining = null;
  }

  async #commit(entries: readonly (AuditEntry | null)[]): Promise<AuditPosition[]> {
    const { clock, metrics, health, signer } = this.options;
    const now = clock.now();
    const { segment, start } = await this.#turnDays(now);
    const lines: Uint8Array[] = [];
    let { head } = this.state;
    const add = (entry: AuditEntry, timeMs = now) => {
      const extension = extendChain(head, entry, timeMs);
      lines.push(...extension.lines);
      head = extension.head;
    };
    if (segment.bytes === 0) {
      const { day } = segment;
      const opening = start.day === null
        ? genesisEntry(signer.publicKey, day)
        : openedEntry(day, start.day);
      add(opening, Math.max(now, head.timeMs));
    }
    if (this.recovered) add(recoveredEntry(this.recovered));
    const positions = entries.map((entry) => {
      if (entry !== null) add(entry);
      return { sequence: head.sequence, hash: head.hash };
    });
    if (lines.length > 0) {
      await segment.append(concatBytes(lines));
      this.recovered = null;
      this.state = { head, publicKey: signer.publicKey, day: segment.day, sealedBy: null };
      metrics.auditRecords.inc(lines.length);
    }
    health.report("audit", "ok", `${head.sequence} records`);
    return positions;
  }

  /** Repairs the open segment after a failed write, seals it when it is over, opens the next. */
  async #turnDays(now: number): Promise<Open> {
    const { files, directory, maxSegmentBytes = MAX_SEGMENT_BYTES } = this.options;
    const today = dayOf(now);
    const day = this.state.day === null || today > this.state.day ? today : this.state.day;
    if (this.open) {
      const { segment } = this.open;
      this.#noteTrimmed(segment.path, await segment.prepare());
      if (segment.bytes === 0 && segment.day !== day) {
        segment.close();
        this.open = null;
        await files.remove(segment.path);
      } else if (day > segment.day) await this.#seal(this.open, DAY_SEALED, now);
      else if (segment.bytes >= maxSegmentBytes) await this.#seal(this.open, SEGMENT_SEALED, now);
    }
    if (this.open) return this.open;
    const name = { day, firstSequence: this.state.head.sequence + 1 };
    const path = joinPath(directory, segmentFileName(name));
    const segment = await OpenSegment.open(files, path, name, 0);
    return this.open = { segment, start: this.state };
  }

  async #seal(open: Open, type: typeof DAY_SEALED | typeof SEGMENT_SEALED, now: number) {
    const { segment, start } = open;
    const { head } = this.state;
    const name = { day: segment.day, firstSequence: segment.firstSequence };
    const entry = sealedEntry(name, head.sequence + 1, type === DAY_SEALED);
    const extension = extendChain(head, entry, Math.max(now, head.timeMs));
    await segment.append(concatBytes(extension.lines));
    this.state = { ...this.state, head: extension.head, sealedBy: type };
    this.options.metrics.auditRecords.inc();
    segment.close();
    this.open = null;
    const end = { state: this.state, bytes: segment.bytes, torn: null };
    this.segments.add({ fileName: segmentFileName(name), name, before: start, end });
    this.options.log.log("info", "audit_segment_sealed", { ...name, bytes: segment.bytes });
  }

  #noteTrimmed(path: string, bytes: number): void {
    if (bytes === 0) return;
    const trimmedBytes = bytes + (this.recovered?.trimmedBytes ?? 0);
    const file = path.slice(path.lastIndexOf("/") + 1);
    this.recovered = { file, trimmedBytes, reason: "a write failed half-way" };
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

function recoveredEntry({ file, trimmedBytes, reason }: Recovered): AuditEntry {
  const data = { trimmedBytes, reason };
  return { type: "audit.recovered", actor: "connector", subject: file, data };
}
