/**
 * What a holder of checkpoints says to a new one, as witnesses of C2SP's tlog-witness do: it keeps one
 * per chain, and takes another only with the proof that nothing before it changed.
 */
import type { Checkpoint } from "./checkpoint.ts";
import { equal, verifyConsistency } from "./proof.ts";

export type GrowthAlarm = "fork" | "rollback" | "unprovable_growth";

export type GrowthVerdict =
  | { readonly verdict: "grown" | "same" }
  /** The proof does not begin where the holder stands; asked again, the sender can do better. */
  | { readonly verdict: "ask"; readonly heldSize: number }
  | { readonly verdict: "alarm"; readonly alarm: GrowthAlarm; readonly problem: string };

/** From a tree of this size to the new one. */
export interface GrowthProof {
  readonly from: number;
  readonly hashes: readonly Uint8Array[];
}

/**
 * @param held null when it is the first of this chain: nothing is proved by it, everything after it is
 * @param next its signature MUST have been checked
 */
export function judgeGrowth(
  held: Checkpoint | null,
  next: Checkpoint,
  proof: GrowthProof | null,
): GrowthVerdict {
  if (held === null) return { verdict: "grown" };
  const alarm = (alarm: GrowthAlarm, problem: string) =>
    ({ verdict: "alarm", alarm, problem }) as const;
  if (next.size < held.size) {
    return alarm("rollback", `the log had ${held.size} records, and has ${next.size} now`);
  }
  if (next.size === held.size) {
    if (equal(next.rootHash, held.rootHash)) return { verdict: "same" };
    return alarm("fork", `there are two different logs of ${held.size} records`);
  }
  if (proof?.from !== held.size) return { verdict: "ask", heldSize: held.size };
  if (verifyConsistency(held, next, proof.hashes)) return { verdict: "grown" };
  return alarm(
    "unprovable_growth",
    `the log of ${next.size} records was not shown to hold the ${held.size} that were there before`,
  );
}
