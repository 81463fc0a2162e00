/** Bundles made with a key. */
import type { RefusedError } from "../../errors.ts";
import { refuse, toRefusal } from "./refusal.ts";
import type { TrustedKey } from "./trust.ts";
import { type Case, conclude, type Verified } from "./verdict.ts";

/**
 * Tries every trusted key: the bundle's hint is not signed, so it may choose between refusals but not
 * between keys. Throws RefusedError.
 */
export function verifyWithKeys(keys: readonly TrustedKey[], subject: Case, hint: string): Verified {
  if (keys.length === 0) {
    const what = "the bundle was made with a key, and no key is trusted";
    throw refuse("unknown_signer", "signer", null, what);
  }
  const refusals = new Map<TrustedKey, RefusedError>();
  for (const trusted of keys) {
    try {
      return verifyWithKey(trusted, subject);
    } catch (error) {
      refusals.set(trusted, toRefusal(error, trusted.name));
    }
  }
  const signed = [...refusals.values()].find((refusal) => refusal.code !== "bad_signature");
  if (signed) throw signed;
  for (const [trusted, refusal] of refusals) if (trusted.key.hint === hint) throw refusal;
  if (isKeyHash(hint)) {
    const what = `the bundle names the key ${hint}, which is not trusted`;
    throw refuse("unknown_signer", "signer", null, what);
  }
  const names = keys.map(({ name }) => name).join('", "');
  throw keys.length === 1
    ? refusals.get(keys[0]!)!
    : refuse("bad_signature", "signature", names, "it matches under none of their keys");
}

function verifyWithKey(trusted: TrustedKey, subject: Case): Verified {
  const { name, key, material, verifier, hasRoot } = trusted;
  // The library looks at the log first; a signature by another key should be named as that.
  if (!subject.content.verifySignature(key.object)) {
    throw refuse("bad_signature", "signature", name, "it does not match these bytes and this key");
  }
  const { entity } = subject;
  const evidence = hasRoot ? entity : { ...entity, tlogEntries: [], timestamps: [] };
  verifier.verify(evidence);
  return conclude(subject, {
    signer: name,
    identity: key.id,
    verifierDer: key.spki,
    entity: evidence,
    logs: material.tlogs,
  });
}

/** Whether a hint has the form that cosign gives it: a SHA-256, in base64 or hex. */
function isKeyHash(hint: string): boolean {
  return /^[0-9a-f]{64}$/i.test(hint) || /^[A-Za-z0-9+/]{43}=$/.test(hint);
}
