/**
 * What is cut off a file is on record for good: written down before the cut, put into the log with the next
 * record, and forgotten after that. A stop at any point in between loses neither.
 */
import * as z from "zod";
import type { AuditEntry } from "../core/audit.ts";
import { encodeUtf8 } from "../core/encoding.ts";
import type { Files } from "../runtime.ts";

export const RECOVERED = "audit.recovered";
const NOTE_FILE = "trimmed.json";
const MAX_NOTE_BYTES = 8192;

const TrimSchema = z.strictObject({
  file: z.string(),
  trimmedBytes: z.int().min(1),
  reason: z.string(),
  /** The newest record before the cut. */
  after: z.int().min(0),
});

export type Trim = z.infer<typeof TrimSchema>;

export class TrimNote {
  readonly #path: string;

  constructor(private readonly files: Files, directory: string) {
    this.#path = `${directory}/${NOTE_FILE}`;
  }

  /** null when there is none. It is replaced as a whole, so one that cannot be read is none of ours. */
  async read(): Promise<Trim | null> {
    const bytes = await this.files.read(this.#path, MAX_NOTE_BYTES);
    try {
      return bytes && TrimSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    } catch {
      return null;
    }
  }

  async write(trim: Trim): Promise<void> {
    await this.files.replaceDurably(this.#path, encodeUtf8(JSON.stringify(trim) + "\n"));
  }

  async clear(): Promise<void> {
    await this.files.remove(this.#path);
  }
}

/** Two cuts of the same place before either was recorded; the same cut, begun twice, counts once. */
export function mergeTrims(before: Trim | null, next: Trim): Trim {
  if (before === null || before.after !== next.after) return next;
  if (before.file === next.file && before.trimmedBytes === next.trimmedBytes) return next;
  return { ...next, trimmedBytes: before.trimmedBytes + next.trimmedBytes };
}

export function recoveredEntry({ file, trimmedBytes, reason }: Trim): AuditEntry {
  return { type: RECOVERED, actor: "connector", subject: file, data: { trimmedBytes, reason } };
}
