/** What a journal gives back is believed only as far as the journal's key has signed for it. */
import { canonicalDigest } from "../core/canonical_json.ts";
import { decodeBase64 } from "../core/encoding.ts";
import { isSealed } from "../core/execution_seal.ts";
import type { ExecutionRecord, PackageMaterial, Preimage } from "../core/execution.ts";
import type { JournalKey } from "../core/journal_key.ts";
import { coversRecord, type StreamHead } from "../core/stream_head.ts";
import { StalledError } from "../errors.ts";
import { nameBytes } from "./stages.ts";

export const digestOf = (content: readonly unknown[]): string => canonicalDigest(content);

/** Throws StalledError `state_damaged` when the record is not as it was written. */
export async function checkSeal(record: ExecutionRecord, key: JournalKey): Promise<void> {
  if (await isSealed(record, key)) return;
  throw damaged(
    `The journal's record of ${record.id} is not as this connector left it: its seal does not hold`,
    " If key.pem was replaced, move the whole journal away",
  );
}

/** Throws StalledError `state_damaged`: the head is on the disk before the record, and never goes down. */
export function checkHead(head: StreamHead | undefined, record: ExecutionRecord): void {
  if (coversRecord(head, record)) return;
  throw damaged(
    `The journal has accepted ${record.id} with sequence ${record.sequence}, ` +
      `but its stream ${record.stream} has come to ${head?.sequence ?? "none"}`,
  );
}

/** Throws StalledError `state_damaged` when this is not what came in. */
export function checkPackage(record: ExecutionRecord, pack: PackageMaterial): PackageMaterial {
  const bytes = bytesOf(pack.payload);
  const isSame = bytes && nameBytes(bytes).digest === record.digest &&
    digestOf(pack.bundles) === record.bundlesDigest;
  if (isSame) return pack;
  throw damaged(`The journal's package of ${record.id} is not the one that came in`);
}

/** Throws StalledError `state_damaged` when this is not what was there before the change. */
export function checkPreimages(
  record: ExecutionRecord,
  preimages: readonly Preimage[],
): readonly Preimage[] {
  if (digestOf(preimages) === record.preimagesDigest) return preimages;
  throw damaged(`The journal's preimages of ${record.id} are not those that were taken`);
}

function bytesOf(base64: string): Uint8Array | null {
  try {
    return decodeBase64(base64);
  } catch {
    return null;
  }
}

function damaged(message: string, more = ""): StalledError {
  return new StalledError("state_damaged", message, {
    hint: "find out who changed it; restore it from a backup, or move it away to forget it." + more,
  });
}
