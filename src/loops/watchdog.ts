/** Tells the service manager that this process gets anywhere, and in one line how its parts are. */
import type { HealthBoard } from "../core/health.ts";
import type { Liveness } from "../core/liveness.ts";
import { NOTICE, statusNotice } from "../core/service_notice.ts";
import { describeError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../runtime.ts";

export interface WatchdogPorts {
  readonly clock: Clock;
  readonly log: () => Logger;
  readonly liveness: Liveness;
  readonly parts: () => ReturnType<HealthBoard["parts"]>;
  readonly tell: (...assignments: readonly string[]) => Promise<void>;
  readonly intervalMs: number;
}

/** Silent while something is stuck: what then happens is the service manager's decision. */
export async function runWatchdog(ports: WatchdogPorts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const stuck = await ports.liveness();
    if (signal.aborted) return;
    if (stuck === null) {
      await ports.tell(NOTICE.alive, statusNotice(ports.parts())).catch((error) =>
        ports.log().log("warn", "service_manager_not_told", { reason: describeError(error) })
      );
    } else {
      ports.log().log("error", "stuck", { reason: stuck });
    }
    await ports.clock.sleep(ports.intervalMs, signal).catch(() => {});
  }
}
