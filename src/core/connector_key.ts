/**
 * The connector's Ed25519 identity. Registration proofs, receipts and audit checkpoints are signed
 * with it. Once loaded, the private half cannot be exported again.
 */
import { calculateJwkThumbprint, CompactSign, exportPKCS8, generateKeyPair } from "jose";
import { decodeBase64, encodeUtf8, sha256Hex } from "./encoding.ts";
import { StalledError } from "../errors.ts";

export interface ConnectorJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  /** base64url of the 32 public bytes. */
  readonly x: string;
  /** RFC 7638 thumbprint. */
  readonly kid: string;
}

export interface ConnectorKey {
  readonly jwk: ConnectorJwk;
  /** The raw 32 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** RFC 8032 signature, 64 bytes. */
  sign(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** Compact EdDSA JWS (RFC 7515) with `kid` and `typ` in its header. */
  signJws(typ: string, payload: object): Promise<string>;
}

/**
 * A secret of this connector's own for one purpose, the same after every start, in hex. Ed25519 is
 * deterministic (RFC 8032), and without the private key nobody can make this signature.
 */
export async function deriveSecret(
  key: Pick<ConnectorKey, "sign">,
  purpose: string,
): Promise<string> {
  return sha256Hex(await key.sign(encodeUtf8(`neuralops.io/derive/${purpose}`)));
}

/** A new private key, PKCS #8 PEM. */
export async function generateKeyPem(): Promise<string> {
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  return await exportPKCS8(privateKey);
}

/** Throws StalledError `config_invalid` when the text is not an Ed25519 private key in PKCS #8 PEM. */
export async function keyFromPem(pem: string): Promise<ConnectorKey> {
  const { privateKey, x } = await importPrivateKey(pem);
  const publicJwk = { kty: "OKP", crv: "Ed25519", x } as const;
  const jwk = { ...publicJwk, kid: await calculateJwkThumbprint(publicJwk) };
  return {
    jwk,
    publicKey: Uint8Array.fromBase64(x, { alphabet: "base64url" }),
    sign: async (bytes) => new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, bytes)),
    signJws: (typ, payload) =>
      new CompactSign(encodeUtf8(JSON.stringify(payload)))
        .setProtectedHeader({ alg: "EdDSA", typ, kid: jwk.kid })
        .sign(privateKey),
  };
}

/** @param raw the 32 bytes of an Ed25519 public key */
export async function importPublicKey(raw: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return await crypto.subtle.importKey("raw", raw, "Ed25519", true, ["verify"]);
}

async function importPrivateKey(pem: string): Promise<{ privateKey: CryptoKey; x: string }> {
  try {
    const der = decodeBase64(pem.replaceAll(/-----(BEGIN|END) PRIVATE KEY-----|\s/g, ""));
    // WebCrypto derives the public half only through an extractable import; that copy is dropped.
    const readable = await crypto.subtle.importKey("pkcs8", der, "Ed25519", true, ["sign"]);
    const { x } = await crypto.subtle.exportKey("jwk", readable);
    const privateKey = await crypto.subtle.importKey("pkcs8", der, "Ed25519", false, ["sign"]);
    return { privateKey, x: x! };
  } catch {
    // The cause is dropped: a parser's message could quote the key.
    throw new StalledError("config_invalid", "The connector's key is not a PKCS #8 Ed25519 key", {
      hint: "restore key.pem from a backup, or remove it to register with a new key",
    });
  }
}
