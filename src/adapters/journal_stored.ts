/** How the journal's files are read: what they must be before anything is made of them. */
import * as z from "zod";
import type { ExecutionRecord, PackageMaterial, Preimage } from "../core/execution.ts";
import { damagedFile, type JournalFolder } from "./journal_folder.ts";
import { isOf, type OrderEntry } from "./journal_order.ts";

/** What the journal relies on. The rest is as we wrote it, or the book finds its seal broken. */
const Stored = z.looseObject({
  id: z.string(),
  state: z.string(),
  stream: z.string(),
  sequence: z.int(),
  receivedAtMs: z.int(),
  expiresAtMs: z.int(),
  sinceMs: z.int(),
  receipted: z.string().nullable(),
  seal: z.string(),
  version: z.string().regex(/^\d+$/),
});
const StoredPackage = z.strictObject({
  payload: z.string(),
  bundles: z.array(z.record(z.string(), z.unknown())),
});
const StoredPreimages = z.array(z.looseObject({ ref: z.unknown(), before: z.unknown() }));

/** null when there is none. Throws StalledError `state_damaged`. */
export async function readRecord(
  folder: JournalFolder,
  id: string,
): Promise<ExecutionRecord | null> {
  return await folder.read(id, (value) => {
    const stored = Stored.parse(value);
    if (stored.id !== id) throw new TypeError(`it is about ${stored.id}`);
    return stored as unknown as ExecutionRecord;
  });
}

/** null when the entry was left behind: the record is gone, or has been taken up again. */
export async function readEntered(
  ended: JournalFolder,
  entry: OrderEntry,
): Promise<ExecutionRecord | null> {
  const record = await readRecord(ended, entry.id);
  return record && isOf(entry, record) ? record : null;
}

export function parsePackage(value: unknown): PackageMaterial {
  return StoredPackage.parse(value);
}

export function parsePreimages(value: unknown): readonly Preimage[] {
  return StoredPreimages.parse(value) as unknown as readonly Preimage[];
}

/** Throws StalledError `state_damaged`: a record that names it is never without it. */
export function missing(directory: string, what: string, id: string): never {
  throw damagedFile(`${directory}: ${what} of ${id}`, new TypeError("there is none"));
}
