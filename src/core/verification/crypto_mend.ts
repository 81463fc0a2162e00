/**
 * Deno's `crypto.verify(undefined, …)` throws "no default digest" for EC and RSA keys where Node uses
 * SHA-256. @sigstore/core calls it so for log promises, checkpoints and envelopes and takes the throw
 * for a bad signature. This gives the call its Node meaning. Import it before anything that verifies.
 */
import crypto from "node:crypto";

const original = crypto.verify;

function verifyWithDefaultDigest(...call: unknown[]): unknown {
  const [algorithm, data, key, ...rest] = call;
  return Reflect.apply(original, crypto, [algorithm ?? defaultDigest(key), data, key, ...rest]);
}

function defaultDigest(key: unknown): string | undefined {
  if (!(key instanceof crypto.KeyObject)) return undefined;
  return key.asymmetricKeyType === "ec" || key.asymmetricKeyType === "rsa" ? "sha256" : undefined;
}

Object.defineProperty(crypto, "verify", { value: verifyWithDefaultDigest, configurable: true });
