/** The system's clock, whose wall time can be put forward. */
import type { Clock } from "../../src/runtime.ts";
import { systemClock } from "../../src/runtime_deno.ts";

export interface SkippingClock extends Clock {
  skip(ms: number): void;
}

export function skippingClock(): SkippingClock {
  let offsetMs = 0;
  const clock = systemClock();
  return {
    ...clock,
    now: () => clock.now() + offsetMs,
    skip: (ms) => void (offsetMs += ms),
  };
}
