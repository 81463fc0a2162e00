/** PEM armour for WebCrypto keys. */
import { encodeBase64 } from "../core/encoding.ts";

export async function toPem(key: CryptoKey): Promise<string> {
  const isPrivate = key.type === "private";
  const der = new Uint8Array(await crypto.subtle.exportKey(isPrivate ? "pkcs8" : "spki", key));
  const label = isPrivate ? "PRIVATE KEY" : "PUBLIC KEY";
  const lines = encodeBase64(der).match(/.{1,64}/g)!.join("\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
