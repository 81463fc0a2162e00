/** `audit tail`: the newest records of a log on this disk, and with -f each further one as it is written. */
import { beforeNewestSegment, type LogPlace, StoredGrowth } from "../adapters/audit_growth.ts";
import type { AuditRecord } from "../core/audit/record.ts";
import type { Clock } from "../runtime.ts";
import { RefusedError } from "../errors.ts";
import { formatRecord, type RecordFilter, recordFilter } from "./audit_filter.ts";
import type { AuditIo } from "./audit_source.ts";
import type { ExitCode } from "./io.ts";

const POLL_MS = 500;

export interface AuditTailOptions extends RecordFilter {
  readonly directory: string;
  readonly follow: boolean;
  /** The newest so many that match, of the newest file. */
  readonly lines: number;
  /** One JSON object a line instead of text. */
  readonly json: boolean;
}

/** @param signal ends it, with exit code 0 */
export async function runAuditTail(
  options: AuditTailOptions,
  io: AuditIo & { readonly clock: Clock },
  signal: AbortSignal,
): Promise<ExitCode> {
  const { directory, follow, lines, json } = options;
  const matches = recordFilter(options);
  const show = (record: AuditRecord) =>
    io.print(json ? JSON.stringify(record) : formatRecord(record));
  const pause = () => io.clock.sleep(POLL_MS, signal).catch(() => {});
  let start: LogPlace | null;
  while ((start = await beforeNewestSegment(io.files, directory)) === null) {
    if (!follow) throw new RefusedError("not_found", `There is no audit log in ${directory}`);
    await pause();
    if (signal.aborted) return 0;
  }
  const growth = new StoredGrowth(io.files, directory, start);
  let newest: AuditRecord[] = [];
  await growth.advance((record) => {
    if (!matches(record)) return;
    newest.push(record);
    if (newest.length > lines) newest.shift();
  });
  newest.forEach(show);
  newest = [];
  while (follow && !signal.aborted) {
    await pause();
    await growth.advance((record) => {
      if (matches(record)) show(record);
    });
  }
  return 0;
}
