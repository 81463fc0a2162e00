/**
 * The connector's signature over a whole execution record. A journal that someone edits could forge an
 * approval, a state or a preimage; the seal finds that before the record is acted on.
 */
import { canonicalDigest } from "./canonical_json.ts";
import type { ConnectorKey } from "./connector_key.ts";
import { decodeBase64, encodeBase64, encodeUtf8 } from "./encoding.ts";
import type { ExecutionRecord } from "./execution.ts";

const DOMAIN = "neuralops-execution/v1";

export async function sealRecord(
  record: ExecutionRecord,
  key: ConnectorKey,
): Promise<ExecutionRecord> {
  return { ...record, seal: encodeBase64(await key.sign(sealedBytes(record))) };
}

/** Whether the record is exactly as the holder of this key left it. */
export async function isSealed(record: ExecutionRecord, publicKey: CryptoKey): Promise<boolean> {
  try {
    const signature = decodeBase64(record.seal);
    return await crypto.subtle.verify("Ed25519", publicKey, signature, sealedBytes(record));
  } catch {
    return false;
  }
}

/** The version is left out: the journal's store counts it. */
function sealedBytes(record: ExecutionRecord): Uint8Array<ArrayBuffer> {
  const { version: _version, seal: _seal, ...content } = record;
  return encodeUtf8(`${DOMAIN}\n${canonicalDigest(content)}`);
}
