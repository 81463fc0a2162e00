/**
 * Several signers for one artifact, one bundle each. Signers are told apart by their identity, never by
 * the name that a configuration gave them: one key under two names signs once.
 */
import { InvalidInputError, RefusedError, StalledError } from "../../errors.ts";
import { MAX_BUNDLES } from "../protocol.ts";
import type { Artifact } from "./artifact.ts";
import { pickRefusal } from "./pick_refusal.ts";
import type { Verified } from "./verdict.ts";

export interface SignerName {
  /** The configured name. */
  readonly name: string;
  /** What the signer is told apart by: see `Verified.identity`. */
  readonly identity: string;
}

/** A BundleVerifier, or a DeferredVerifier. */
export interface SignerVerifier {
  readonly identities: Iterable<string>;
  verify(artifact: Artifact, bundle: unknown): Verified | Promise<Verified>;
}

export interface ThresholdVerifier {
  /**
   * One verdict for each distinct signer, in the bundles' order. A bundle that does not verify counts for
   * nothing and refuses nothing, as if it had been left out; one that is malformed refuses the whole.
   * Rejects with InvalidInputError `malformed_bundle`, RefusedError `too_few_signers` where some signed but not
   * enough, and the refusal that came furthest where nobody did.
   */
  verify(artifact: Artifact, bundles: readonly unknown[]): Promise<readonly Verified[]>;
}

/** Throws StalledError `config_invalid` for a threshold that the trusted signers can never reach. */
export function requireSigners(verifier: SignerVerifier, threshold: number): ThresholdVerifier {
  const { size } = new Set(verifier.identities);
  if (threshold > 1 && threshold > size) {
    throw new StalledError(
      "config_invalid",
      `trust.threshold is ${threshold}, and trust.signers names ${size} distinct keys and identities`,
      { hint: "name more signers, or lower the threshold; one key under two names signs once" },
    );
  }
  return {
    async verify(artifact, bundles) {
      if (bundles.length > MAX_BUNDLES) {
        throw new InvalidInputError(
          "malformed_bundle",
          `bundle check failed: there are ${bundles.length} bundles, at most ${MAX_BUNDLES} are allowed`,
          { hint: "send one bundle for each signer" },
        );
      }
      const signers = new Map<string, Verified>();
      const refusals: RefusedError[] = [];
      for (const bundle of bundles.length === 0 ? [undefined] : bundles) {
        try {
          const verified = await verifier.verify(artifact, bundle);
          if (!signers.has(verified.identity)) signers.set(verified.identity, verified);
        } catch (error) {
          if (!(error instanceof RefusedError)) throw error;
          refusals.push(error);
        }
      }
      if (signers.size === 0) throw pickRefusal(refusals);
      if (signers.size < threshold) throw tooFew([...signers.values()], threshold, refusals);
      return [...signers.values()];
    },
  };
}

export function namesOf(verified: readonly Verified[]): SignerName[] {
  return verified.map(({ signer, identity }) => ({ name: signer, identity }));
}

function tooFew(
  signed: readonly Verified[],
  threshold: number,
  refusals: readonly RefusedError[],
): RefusedError {
  const who = signed.map(({ signer }) => `"${signer}"`).join(", ");
  const others = refusals.map(({ message }) => `; not counted: ${message}`).join("");
  return new RefusedError(
    "too_few_signers",
    `threshold check failed: ${signed.length} of ${threshold} distinct signers signed: ${who}${others}`,
    { hint: "have another signer that trust.signers names sign it, and send all bundles together" },
  );
}
