/** A signature over the canonical form of what a journal keeps, so that an edit is found before it is acted on. */
import { canonicalDigest } from "./canonical_json.ts";
import { importPublicKey } from "./connector_key.ts";
import { decodeBase64, encodeBase64, encodeUtf8 } from "./encoding.ts";
import type { JournalKey } from "./journal_key.ts";

/**
 * Base64.
 * @param domain names what is sealed: a seal of one kind is none of another
 */
export async function seal(
  domain: string,
  content: unknown,
  key: Pick<JournalKey, "sign">,
): Promise<string> {
  return encodeBase64(await key.sign(sealedBytes(domain, content)));
}

/** Whether the content is exactly as the holder of this key left it. */
export async function isSealedBy(
  { publicKey }: Pick<JournalKey, "publicKey">,
  domain: string,
  content: unknown,
  sealText: string,
): Promise<boolean> {
  try {
    const signature = decodeBase64(sealText);
    const key = await importPublicKey(publicKey);
    return await crypto.subtle.verify("Ed25519", key, signature, sealedBytes(domain, content));
  } catch {
    return false;
  }
}

function sealedBytes(domain: string, content: unknown): Uint8Array<ArrayBuffer> {
  return encodeUtf8(`${domain}\n${canonicalDigest(content)}`);
}
