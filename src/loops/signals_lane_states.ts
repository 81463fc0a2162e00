/** One word for a query of which several lanes speak: the worst that one of them says. */
import type { PartState } from "../core/protocol.ts";

export const WORST_FIRST: readonly PartState[] = ["stalled", "degraded", "starting", "ok"];

/** Who speaks; `disk` for what the lanes share. */
export type Speaker = "fresh" | "history" | "ordered" | "reread" | "disk";

interface Word {
  readonly state: PartState;
  readonly reason: string;
}

export class LaneStates {
  readonly #words = new Map<Speaker, Word>();

  say(speaker: Speaker, state: PartState, reason: string): void {
    this.#words.set(speaker, { state, reason });
    // Only what is on the disk is acknowledged.
    if (state === "ok") this.#words.delete("disk");
  }

  silence(speaker: Speaker): void {
    this.#words.delete(speaker);
  }

  get worst(): Word | null {
    // What holds up all lanes comes before what holds up one.
    const words = [...this.#words].sort(([a], [b]) => Number(b === "disk") - Number(a === "disk"));
    for (const state of WORST_FIRST) {
      const found = words.find(([, word]) => word.state === state);
      if (!found) continue;
      const [speaker, { reason }] = found;
      const isPast = speaker === "history" || speaker === "reread";
      return { state, reason: isPast && state !== "ok" ? `${speaker}: ${reason}` : reason };
    }
    return null;
  }
}
