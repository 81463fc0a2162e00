/**
 * Whether this process gets anywhere: its parts run, and a question to the disk is answered, which needs
 * the event loop and the threads behind it. Peers that are away, and a disk that is full or read-only, do
 * not count: a new process would meet the same. Probes and the service manager's watchdog ask here.
 */
import type { Liveness } from "../core/liveness.ts";
import type { Foundation } from "./foundation.ts";

const LIMIT_MS = 5_000;

export interface WatchedLiveness {
  readonly check: Liveness;
  /** The parts have ended. */
  end(): void;
}

export function watchLiveness(
  { runtime: { clock, files }, config: { stateDir } }: Pick<Foundation, "runtime" | "config">,
): WatchedLiveness {
  let hasEnded = false;
  /** One question at a time: those that are never answered must not pile up. */
  let asked: Promise<void> | null = null;
  const ask = () =>
    asked ??= files.stat(`${stateDir}/lock`).then(() => {}, () => {}).finally(() => asked = null);
  return {
    async check() {
      if (hasEnded) return "its parts have ended";
      const enough = new AbortController();
      const late = clock.sleep(LIMIT_MS, enough.signal).then(() => false, () => true);
      const isAnswered = await Promise.race([ask().then(() => true), late]);
      enough.abort();
      return isAnswered ? null : `${stateDir} has not answered for ${LIMIT_MS / 1000} s`;
    },
    end: () => {
      hasEnded = true;
    },
  };
}
