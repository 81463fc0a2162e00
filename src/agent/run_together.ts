/** Loops that live and die together. A loop that throws is a bug: the others are stopped. */

export type Loop = (signal: AbortSignal) => Promise<void>;

/** Runs until the signal aborts. Rejects with what a loop threw, once the others have ended as well. */
export async function runTogether(loops: readonly Loop[], signal: AbortSignal): Promise<void> {
  const bug = new AbortController();
  const stop = AbortSignal.any([signal, bug.signal]);
  await Promise.all(loops.map(async (loop) => {
    try {
      await loop(stop);
    } catch (error) {
      if (!stop.aborted) bug.abort(error);
    }
  }));
  if (bug.signal.aborted) throw bug.signal.reason;
}
