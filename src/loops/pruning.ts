/** Takes out of the journal what nobody needs any more, a bounded part at a time. */
import type { HealthBoard } from "../core/health.ts";
import { ConnectorError, describeError } from "../errors.ts";
import type { Journal } from "../execution/journal.ts";
import type { Logger } from "../log.ts";
import type { Clock } from "../runtime.ts";

export interface PruningPorts {
  readonly clock: Clock;
  readonly health: HealthBoard;
  readonly logger: Pick<Logger, "log">;
  readonly journal: Pick<Journal, "prune">;
  readonly receipts: { forget(executionIds: ReadonlySet<string>): Promise<void> };
  /** How long an execution is kept after its end. */
  readonly keepMs: number;
}

const PART = "journal";
const INTERVAL_MS = 3_600_000;
/** At 24 turns a day more than any control plane sends in the long run. */
const MAX_PER_TURN = 200;

/** Runs until the signal aborts; resolves then. */
export async function runPruning(ports: PruningPorts, signal: AbortSignal): Promise<void> {
  const { clock, health, journal, keepMs, logger, receipts } = ports;
  while (!signal.aborted) {
    const nowMs = clock.now();
    try {
      const count = await journal.prune({
        endedBeforeMs: nowMs - keepMs,
        nowMs,
        limit: MAX_PER_TURN,
        beforeRemoval: (ids) => receipts.forget(ids),
      });
      health.report(PART, "ok", "pruned");
      if (count > 0) logger.log("info", "executions_pruned", { count });
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      const reason = describeError(error);
      health.report(PART, "degraded", reason);
      logger.log("warn", "pruning_delayed", { reason });
    }
    await clock.sleep(INTERVAL_MS, signal).catch(() => {});
  }
}
