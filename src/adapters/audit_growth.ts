/**
 * What was added to a log on the disk since the last look, across files, each record checked against
 * the one before. It reads what is stored, whoever wrote it, and reads nothing twice.
 */
import { type ChainHead, followChain } from "../core/audit/chain.ts";
import { EMPTY_TREE } from "../core/audit/merkle.ts";
import { type AuditRecord, decodeRecord, MAX_LINE_BYTES } from "../core/audit/record.ts";
import { segmentFileName, type SegmentName } from "../core/audit/segment.ts";
import { AuditDamageError } from "../core/audit/verify.ts";
import { RefusedError } from "../errors.ts";
import type { Files } from "../runtime.ts";
import { joinPath, listSegments } from "./audit_recovery.ts";

const READ_BYTES = 1 << 18;
const LINE_FEED = 10;

/** Between two records of a stored log. */
export interface LogPlace {
  readonly head: ChainHead;
  /** null: wherever the next record is. */
  readonly segment: SegmentName | null;
  /** Bytes of that file that were read. */
  readonly offset: number;
}

export type VisitStored = (record: AuditRecord, head: ChainHead) => void;

/** Just before the newest file; its tree is not known, so no root can be computed from there. */
export async function beforeNewestSegment(
  files: Files,
  directory: string,
): Promise<LogPlace | null> {
  const segment = (await listSegments(files, directory)).at(-1)?.name;
  if (!segment) return null;
  const path = joinPath(directory, segmentFileName(segment));
  const start = await files.readAt(path, 0, MAX_LINE_BYTES);
  const end = start.indexOf(LINE_FEED);
  if (end < 0) return null;
  const { record } = damagedBy(segment, null, () => decodeRecord(start.subarray(0, end)));
  const head = { sequence: record.seq - 1, hash: record.prev, timeMs: 0, tree: EMPTY_TREE };
  return { head, segment, offset: 0 };
}

export class StoredGrowth {
  constructor(
    private readonly files: Files,
    private readonly directory: string,
    private at: LogPlace,
  ) {}

  get place(): LogPlace {
    return this.at;
  }

  /**
   * Reads on, to record `last` or as far as there are whole lines.
   * @throws AuditDamageError for what is no next record, RefusedError `not_found` when the file that comes
   *   next was removed
   */
  async advance(visit: VisitStored = () => {}, last = Infinity): Promise<void> {
    while (this.at.head.sequence < last) {
      if (!await this.#readOn(visit, last) && !await this.#turn()) return;
    }
  }

  /** False when the file holds no further whole line. */
  async #readOn(visit: VisitStored, last: number): Promise<boolean> {
    const { segment } = this.at;
    if (segment === null) return false;
    const path = joinPath(this.directory, segmentFileName(segment));
    const chunk = await this.#read(path);
    let start = 0;
    for (let end; (end = chunk.indexOf(LINE_FEED, start)) >= 0; start = end + 1) {
      const { head, offset } = this.at;
      if (head.sequence >= last) return true;
      const line = chunk.subarray(start, end);
      const next = damagedBy(segment, head.sequence + 1, () => followChain(head, line));
      this.at = { head: next.head, segment, offset: offset + line.length + 1 };
      visit(next.record, next.head);
    }
    if (start === 0 && chunk.length >= MAX_LINE_BYTES) {
      damagedBy(segment, this.at.head.sequence + 1, () => {
        throw new Error(`expected a line of less than ${MAX_LINE_BYTES} bytes`);
      });
    }
    return start > 0;
  }

  async #read(path: string): Promise<Uint8Array> {
    // It may have been shipped and removed since; #turn says whether that matters.
    if (await this.files.stat(path) === null) return new Uint8Array();
    return await this.files.readAt(path, this.at.offset, READ_BYTES);
  }

  /** On to the file that the next record begins; false while there is none. */
  async #turn(): Promise<boolean> {
    const { head, segment } = this.at;
    const next = head.sequence + 1;
    const names = (await listSegments(this.files, this.directory)).map(({ name }) => name);
    const found = names.find(({ firstSequence }) => firstSequence === next);
    if (!found) {
      const holder = names.findLast(({ firstSequence }) => firstSequence <= next);
      if (holder || names.length === 0) return false;
      throw new RefusedError("not_found", `Record ${next} was removed from ${this.directory}`);
    }
    if (segment?.firstSequence === next) return false;
    this.at = { head, segment: found, offset: 0 };
    return true;
  }
}

function damagedBy<T>(segment: SegmentName, sequence: number | null, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const place = { file: segmentFileName(segment), line: null, sequence };
    throw new AuditDamageError(place, (error as Error).message);
  }
}
