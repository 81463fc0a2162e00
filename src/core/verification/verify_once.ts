/**
 * A package is verified when it comes in, and again before it is planned and before it is applied, for
 * the disk between is not trusted. The very same bytes with the very same bundle get the same answer:
 * what is remembered is named by the hash of both.
 */
import { canonicalJson } from "../canonical_json.ts";
import { sha256Hex } from "../encoding.ts";
import { Recent } from "../recent.ts";
import type { Verified } from "./verdict.ts";
import type { BundleVerifier } from "./verify.ts";

const MAX_REMEMBERED = 64;

/** Only a success is remembered, and only of whole bytes. */
export function verifyOnce(verifier: BundleVerifier): BundleVerifier {
  const verdicts = new Recent<Verified>(MAX_REMEMBERED);
  return {
    identities: verifier.identities,
    verify(artifact, bundle) {
      const verify = () => verifier.verify(artifact, bundle);
      const name = artifact instanceof Uint8Array ? nameOf(artifact, bundle) : null;
      return name === null ? verify() : verdicts.get(name, verify);
    },
  };
}

/** null for what has no canonical form: the verifier says better what is wrong with it. */
function nameOf(bytes: Uint8Array, bundle: unknown): string | null {
  try {
    return `${sha256Hex(bytes)} ${sha256Hex(canonicalJson(bundle))}`;
  } catch {
    return null;
  }
}
