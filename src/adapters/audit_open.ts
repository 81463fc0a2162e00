/** Opens the audit log: follows all that is there, mends what an unfinished write left, sets space aside. */
import type { CheckpointSigner } from "../core/audit/checkpoint.ts";
import type { LogState, VisitRecord } from "../core/audit/verify.ts";
import type { HealthBoard } from "../core/health.ts";
import { TransientError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock, Files } from "../runtime.ts";
import { FileAuditLog } from "./audit_file.ts";
import { followDirectory, joinPath, type StoredSegment } from "./audit_recovery.ts";
import { DiskReserve, RESERVE_FILE } from "./audit_reserve.ts";
import { SealedSegments } from "./audit_sealed.ts";
import { OpenSegment } from "./audit_segment.ts";
import { mergeTrims, RECOVERED, type Trim, TrimNote } from "./audit_trim.ts";

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

export interface Open {
  readonly segment: OpenSegment;
  /** Where the log stood before this segment. */
  readonly start: LogState;
}

export interface OpenedParts {
  readonly sealed: SealedSegments;
  readonly state: LogState;
  readonly open: Open | null;
  readonly reserve: DiskReserve;
  readonly trims: TrimNote;
  /** What was cut off a file and is not in the log yet. */
  trim: Trim | null;
}

/**
 * Opens the log, or begins one. Follows the whole local chain first.
 * @throws RefusedError `audit_broken` for damage that no unfinished write explains; nothing is changed then
 */
export async function openAuditLog(options: AuditLogOptions): Promise<FileAuditLog> {
  const { files, directory, signer, health } = options;
  await files.ensureDirectory(directory);
  const trims = new TrimNote(files, directory);
  const noted = await trims.read();
  let recovered = 0;
  const lookForRecord: VisitRecord = ({ type, seq }) => {
    if (type === RECOVERED) recovered = seq;
  };
  const { base, state, segments } = await followDirectory(
    files,
    directory,
    signer.publicKey,
    noted === null ? undefined : lookForRecord,
  );
  const reserve = await DiskReserve.find(options, joinPath(directory, RESERVE_FILE));
  const last = segments.at(-1);
  const isOpen = last !== undefined && (state.sealedBy === null || last.end.bytes === 0);
  const whole = isOpen ? segments.slice(0, -1) : segments;
  const sealed = await SealedSegments.load(options, base, whole);
  let trim = noted !== null && recovered <= noted.after ? noted : null;
  if (last?.end.torn) {
    trim = await cutTorn(options, last, last.end.torn.length, { trim, trims, reserve });
  }
  const open = isOpen ? await reopen(options, last) : null;
  const held = await reserve.hold();
  const text = `${state.head.sequence} records, the chain holds`;
  if (held) health.report("audit", "ok", text);
  else health.report("audit", "degraded", `${text}; there is no room for the reserve`);
  return new FileAuditLog(options, { sealed, state, open, reserve, trims, trim });
}

async function cutTorn(
  { files, directory, log }: AuditLogOptions,
  last: StoredSegment,
  trimmedBytes: number,
  { trim, trims, reserve }: { trim: Trim | null; trims: TrimNote; reserve: DiskReserve },
): Promise<Trim> {
  const { fileName, end } = last;
  const merged = mergeTrims(trim, {
    file: fileName,
    trimmedBytes,
    reason: "unfinished write at the last stop",
    after: end.state.head.sequence,
  });
  try {
    await trims.write(merged);
  } catch (error) {
    const isFull = error instanceof TransientError && error.code === "disk_full";
    if (!isFull || !await reserve.release()) throw error;
    await trims.write(merged);
  }
  await files.truncate(joinPath(directory, fileName), end.bytes);
  log.log("warn", "audit_recovered", { file: fileName, trimmedBytes });
  return merged;
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
