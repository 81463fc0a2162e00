/**
 * Which open executions are to be taken up now. Two that overlap are never carried out at once, nor out
 * of order; others go side by side as far as there are slots, and planning has slots of its own, so that
 * a long wait keeps nobody from seeing the next plan.
 */
import { type Claim, overlaps } from "./claim.ts";
import { hasBegun } from "./execution.ts";
import type { ExecutionState } from "./protocol.ts";

export interface OpenWork {
  readonly id: string;
  readonly state: ExecutionState;
  readonly claim: Claim;
  /** Taken up already, and in which of the two kinds of slot. */
  readonly running: "planning" | "writing" | null;
  /** Failed a moment ago; not to be tried again yet. */
  readonly isResting: boolean;
}

export interface Slots {
  readonly planning: number;
  readonly writing: number;
}

export interface Dispatch {
  /** To be planned only. */
  readonly plan: readonly string[];
  /** To be carried as far as it goes. */
  readonly write: readonly string[];
}

/** @param open oldest first */
export function dispatch(open: readonly OpenWork[], slots: Slots): Dispatch {
  const free = {
    planning: slots.planning - open.filter(({ running }) => running === "planning").length,
    writing: slots.writing - open.filter(({ running }) => running === "writing").length,
  };
  const held = open.filter(({ running }) => running === "writing").map(({ claim }) => claim);
  const plan: string[] = [];
  const write: string[] = [];
  const isFree = (claim: Claim) => !held.some((other) => overlaps(claim, other));

  // What a crash interrupted comes first: it holds the cluster half changed, also while it rests.
  for (const { id, claim, running, isResting } of open.filter(({ state }) => hasBegun(state))) {
    if (running !== null) continue;
    if (!isResting && free.writing > 0 && isFree(claim)) {
      free.writing -= 1;
      write.push(id);
    }
    held.push(claim);
  }
  for (const { id, state, claim, running, isResting } of open) {
    if (state !== "accepted" && state !== "approved") continue;
    if (running === "writing") continue;
    const isIdle = running === null && !isResting;
    if (isIdle && free.writing > 0 && isFree(claim)) {
      free.writing -= 1;
      write.push(id);
    } else if (isIdle && state === "accepted" && free.planning > 0) {
      free.planning -= 1;
      plan.push(id);
    }
    // Whoever came later and overlaps waits for it.
    held.push(claim);
  }
  return { plan, write };
}
