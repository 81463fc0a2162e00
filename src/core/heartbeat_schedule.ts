/** When the next heartbeat is due. Jitter keeps a fleet from beating in step. */

const JITTER = 0.1;

/** @param fraction uniform in [0, 1) */
export function heartbeatDelayMs(intervalMs: number, fraction: number): number {
  return Math.round(intervalMs * (1 - JITTER + 2 * JITTER * fraction));
}
