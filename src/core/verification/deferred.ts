/**
 * Verification that is loaded for the first bundle: the library and what it stands on are most of what an
 * agent would otherwise hold. Who may sign is checked before, at the start, as strictly as ever: what is
 * not plainly good, such as a trusted root of the customer's own, is given to the library at once.
 */
import type { Artifact } from "./artifact.ts";
import { idOfKnownKey } from "./known_key.ts";
import { PUBLIC_GOOD_ROOT_JSON } from "./public_good.ts";
import type { TrustedSigner } from "./trust.ts";
import type { Verified } from "./verdict.ts";
import type { BundleVerifier } from "./verify.ts";

export interface DeferredVerifier {
  /** What each signer is told apart by, in their order: see `Verified.identity`. */
  readonly identities: readonly string[];
  /** Rejects as `BundleVerifier.verify` throws. */
  verify(artifact: Artifact, bundle: unknown): Promise<Verified>;
}

/**
 * @param wrap put around the verifier once it is loaded
 * Throws StalledError `config_invalid` as `createVerifier` does.
 */
export async function deferVerifier(
  signers: readonly TrustedSigner[],
  wrap: (verifier: BundleVerifier) => BundleVerifier = (verifier) => verifier,
): Promise<DeferredVerifier> {
  let loading: Promise<BundleVerifier> | undefined;
  // Two bundles at once wait for the same one.
  const load = () => loading ??= loadVerifier(signers, wrap);
  const known = await Promise.all(signers.map(identityOfKnown));
  const identities = known.every((one) => one !== null) ? known : await (async () => {
    await load();
    const { parsePublicKey } = await import("./public_key.ts");
    return signers.map((one) =>
      one.kind === "key" ? parsePublicKey(one.publicKeyPem).id : one.identity
    );
  })();
  return {
    identities,
    verify: async (artifact, bundle) => (await load()).verify(artifact, bundle),
  };
}

async function loadVerifier(
  signers: readonly TrustedSigner[],
  wrap: (verifier: BundleVerifier) => BundleVerifier,
): Promise<BundleVerifier> {
  const { createVerifier } = await import("./verify.ts");
  return wrap(createVerifier(signers));
}

/** null for a signer whom only the library can judge. */
async function identityOfKnown(signer: TrustedSigner): Promise<string | null> {
  const { trustedRootJson } = signer;
  if (trustedRootJson !== undefined && trustedRootJson !== PUBLIC_GOOD_ROOT_JSON) return null;
  if (signer.kind === "keyless") return signer.identity;
  const isLogless = signer.transparencyLog === "required" && trustedRootJson === undefined;
  return isLogless ? null : await idOfKnownKey(signer.publicKeyPem);
}
