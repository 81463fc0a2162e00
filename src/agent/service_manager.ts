/** The connector's word to the service manager that started it, where one asked for it. */
import { connectServiceManager, type ServiceManager } from "../adapters/service_manager.ts";
import { watchdogIntervalMs } from "../core/service_notice.ts";
import { describeError } from "../errors.ts";
import { runWatchdog } from "../loops/watchdog.ts";
import type { Agent } from "./agent.ts";
import type { Surroundings } from "./foundation.ts";

/** How old the status line may be. */
const STATUS_INTERVAL_MS = 10_000;

export interface Reporting {
  /** Never rejects: a connector that cannot report still does its work. The log says so. */
  tell(assignment: string): Promise<void>;
  close(): Promise<void>;
}

const NOBODY_ASKED: Reporting = { tell: () => Promise.resolve(), close: () => Promise.resolve() };

export async function reportToManager(
  agent: () => Agent,
  stateDir: string,
  { env, runtime }: Surroundings,
): Promise<Reporting> {
  const address = env("NOTIFY_SOCKET");
  if (!address) return NOBODY_ASKED;
  const warn = (error: unknown) =>
    agent().log.log("warn", "service_manager_not_told", { reason: describeError(error) });
  let manager: ServiceManager;
  try {
    manager = await connectServiceManager(address, stateDir, runtime);
  } catch (error) {
    warn(error);
    return NOBODY_ASKED;
  }
  const stop = new AbortController();
  const watching = runWatchdog({
    clock: runtime.clock,
    log: () => agent().log,
    liveness: () => agent().liveness(),
    parts: () => agent().health.parts(),
    tell: manager.tell,
    intervalMs: Math.min(watchdogIntervalMs(env("WATCHDOG_USEC")), STATUS_INTERVAL_MS),
  }, stop.signal);
  return {
    tell: (assignment) => manager.tell(assignment).catch(warn),
    async close() {
      stop.abort();
      await watching;
      manager.close();
    },
  };
}
