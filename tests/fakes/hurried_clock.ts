/** A clock on which the pauses between two looks at the disk are over at once. */
import { LOOK_EVERY_MS } from "../../src/loops/file_watch.ts";
import type { Clock } from "../../src/runtime.ts";

const HURRIED_MS = 20;

export function hurriedClock<T extends Clock>(clock: T): T {
  const isLook = (ms: number) => ms >= LOOK_EVERY_MS / 2 && ms <= LOOK_EVERY_MS;
  return {
    ...clock,
    sleep: (ms: number, signal?: AbortSignal) => clock.sleep(isLook(ms) ? HURRIED_MS : ms, signal),
  };
}
