/** The wall clock of a run, which can be put forward: a day is too long to wait for. */
import type { Clock } from "../../runtime.ts";
import { systemClock } from "../../runtime_deno.ts";

const DAY_MS = 86_400_000;
/** Past midnight: what is sealed by the day is then to be sealed. */
const MARGIN_MS = 1000;

export interface MovableClock extends Clock {
  /** Puts it to just after the coming UTC midnight. */
  toNextDay(): void;
}

export function movableClock(): MovableClock {
  const { monotonic, sleep } = systemClock();
  let offsetMs = 0;
  const now = () => Date.now() + offsetMs;
  return {
    now,
    monotonic,
    sleep,
    toNextDay() {
      offsetMs += DAY_MS - now() % DAY_MS + MARGIN_MS;
    },
  };
}
