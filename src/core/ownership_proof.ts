/**
 * How a person on this machine shows to be a certain user: by making a directory of a name that the
 * agent could not have foreseen. The kernel notes who made it. The name also holds what is being
 * decided, so that a proof can be used for nothing else.
 */
import { canonicalDigest } from "./canonical_json.ts";

/** Within the state directory. */
export const CHALLENGE_FOLDER = "challenges";
/** Of the proof: nobody but its maker can have put it there. A directory that others may write can be moved. */
export const PROOF_MODE = 0o700;

/** What is decided with the proof. */
export type Decision =
  | { readonly decision: "approve"; readonly executionId: string; readonly planDigest: string }
  | { readonly decision: "reject"; readonly executionId: string; readonly reason: string };

/** The name of the directory to make. @param nonce from the agent */
export function proofName(nonce: string, decision: Decision): string {
  return `${nonce}-${canonicalDigest(decision).slice("sha256:".length)}`;
}
