/** The time in which this process has the journal: what needs it begins when it is open, and ends before it closes. */
import { backoffMs } from "../core/backoff.ts";
import { ConnectorError, describeError, TransientError } from "../errors.ts";
import type { ExecutionBook } from "../execution/book.ts";
import type { Foundation } from "./foundation.ts";
import { type Loop, runTogether } from "./run_together.ts";

const PART = "journal";
const MAX_PAUSE = { baseMs: 500, maxMs: 15_000 };

/** Tries until the journal can be opened: nothing is accepted before. */
export async function withOpenBook(
  foundation: Foundation,
  book: ExecutionBook,
  loops: readonly Loop[],
  signal: AbortSignal,
): Promise<void> {
  const { health, log, runtime: { clock, random } } = foundation;
  health.report(PART, "starting", "opening");
  try {
    for (let failures = 0;; failures += 1) {
      if (signal.aborted) return;
      try {
        await book.open();
        break;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ConnectorError)) throw error;
        const reason = describeError(error);
        const mayPass = error instanceof TransientError || error.code === "not_leader";
        health.report(PART, mayPass ? "degraded" : "stalled", reason);
        log.log("warn", "journal_not_open", { reason });
        const pauseMs = backoffMs(failures, random.fraction(), undefined, MAX_PAUSE);
        await clock.sleep(pauseMs, signal).catch(() => {});
      }
    }
    health.report(PART, "ok", "open");
    log.log("info", "journal_open", { open: book.openCount });
    await runTogether(loops, signal);
  } finally {
    book.close();
  }
}
