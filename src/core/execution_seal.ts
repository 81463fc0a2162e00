/**
 * The journal key's signature over a whole execution record. A journal that someone edits could forge an
 * approval, a state or a preimage; the seal finds that before the record is acted on.
 */
import type { ExecutionRecord } from "./execution.ts";
import type { JournalKey } from "./journal_key.ts";
import { isSealedBy, seal } from "./seal.ts";

const DOMAIN = "neuralops-execution/v1";

export async function sealRecord(
  record: ExecutionRecord,
  key: Pick<JournalKey, "sign">,
): Promise<ExecutionRecord> {
  return { ...record, seal: await seal(DOMAIN, contentOf(record), key) };
}

/** Whether the record is exactly as the holder of this key left it. */
export async function isSealed(
  record: ExecutionRecord,
  key: Pick<JournalKey, "publicKey">,
): Promise<boolean> {
  return await isSealedBy(key, DOMAIN, contentOf(record), record.seal);
}

/** The version is left out: the journal's store counts it. */
function contentOf(record: ExecutionRecord): unknown {
  const { version: _version, seal: _seal, ...content } = record;
  return content;
}
