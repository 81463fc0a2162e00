/** Which records are wanted, and one as a line that a terminal can show. */
import type { AuditRecord } from "../core/audit/record.ts";
import { printable } from "./output.ts";

export interface RecordFilter {
  /** `*` stands for any text, `?` for one character. */
  readonly type?: string | undefined;
  readonly subject?: string | undefined;
  readonly actor?: string | undefined;
  /** Epoch ms; from then on. */
  readonly since?: number | undefined;
  /** Epoch ms; before then. */
  readonly until?: number | undefined;
}

export function recordFilter(filter: RecordFilter): (record: AuditRecord) => boolean {
  const { since = -Infinity, until = Infinity } = filter;
  const [type, subject, actor] = [filter.type, filter.subject, filter.actor].map(globPattern);
  return (record) =>
    record.timeMs >= since && record.timeMs < until && type!.test(record.type) &&
    subject!.test(record.subject) && actor!.test(record.actor);
}

function globPattern(glob: string | undefined): RegExp {
  if (glob === undefined) return /^/;
  const pattern = glob.replaceAll(
    /[.+^${}()|[\]\\*?]/g,
    (character) => character === "*" ? ".*" : character === "?" ? "." : `\\${character}`,
  );
  return new RegExp(`^${pattern}$`, "su");
}

/** Texts in a record may come from strangers: no control character reaches the terminal. */
export function formatRecord({ seq, timeMs, type, actor, subject, data }: AuditRecord): string {
  const time = new Date(timeMs).toISOString();
  const pairs = Object.entries(data).map(([name, value]) => `${name}=${formatValue(value)}`);
  return printable([seq, time, type, actor, subject, pairs.join(" ")].join("  ").trimEnd());
}

function formatValue(value: AuditRecord["data"][string]): string {
  return typeof value === "string" && /^[\w./:@+-]+$/.test(value) ? value : JSON.stringify(value);
}
