/** What a service manager is told, in the words of sd_notify(3). */
import type { PartHealth } from "./health.ts";

export const NOTICE = {
  ready: "READY=1",
  reloading: "RELOADING=1",
  stopping: "STOPPING=1",
  alive: "WATCHDOG=1",
} as const;

/** One line of parts and states. Reasons stay in the log: everyone on the host may read a unit's status. */
export function statusNotice(parts: readonly PartHealth[]): string {
  if (parts.length === 0) return "STATUS=Starting";
  const unwell = parts.filter(({ state }) => state !== "ok" && state !== "off")
    .map(({ name, state }) => `${name} ${state}`);
  return `STATUS=${unwell.length === 0 ? "All parts are well" : unwell.join(", ")}`;
}

/**
 * How often it wants to hear WATCHDOG=1: half the time after which it acts; Infinity without a watchdog.
 * @param watchdogUsec the variable WATCHDOG_USEC
 */
export function watchdogIntervalMs(watchdogUsec: string | undefined): number {
  if (watchdogUsec === undefined || !/^[1-9]\d{0,15}$/.test(watchdogUsec)) return Infinity;
  return Math.max(1, Math.floor(Number(watchdogUsec) / 2000));
}
