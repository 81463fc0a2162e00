/** `audit show`: the records that are wanted, of a log that is checked on the way. */
import { Anchors } from "../core/audit/anchors.ts";
import type { AuditRecord } from "../core/audit/record.ts";
import { formatRecord, type RecordFilter, recordFilter } from "./audit_filter.ts";
import { type AuditIo, type AuditSource, followSource } from "./audit_source.ts";
import type { ExitCode } from "./io.ts";
import { type Format, printResult } from "./output.ts";

export interface AuditShowOptions extends RecordFilter {
  readonly source: AuditSource;
  /** The newest so many. */
  readonly limit: number;
  readonly output: Format;
}

export async function runAuditShow(options: AuditShowOptions, io: AuditIo): Promise<ExitCode> {
  const { source, limit, output } = options;
  const matches = recordFilter(options);
  const records: AuditRecord[] = [];
  await followSource(source, io, null, new Anchors(), (record) => {
    if (!matches(record)) return;
    records.push(record);
    if (records.length > limit) records.shift();
  });
  printResult(io, output, { records }, () => records.map(formatRecord));
  return 0;
}
