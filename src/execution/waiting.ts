/** Patience with peers and with rollouts, bounded by a deadline on the clock that nobody can step. */
import { ApplyError, StalledError, TransientError } from "../errors.ts";
import { backoffMs } from "../core/backoff.ts";
import type { KubeObject } from "../core/kubernetes_object.ts";
import { formatRef } from "../core/kubernetes_object.ts";
import type { Clock, Random } from "../runtime.ts";
import type { Cluster } from "./cluster.ts";
import { assertLeader, type Leadership } from "./leadership.ts";
import type { Operation } from "./operations/operation.ts";

const RETRY = { baseMs: 200, maxMs: 5000 };
const POLL_MS = { first: 50, longest: 2000 };

export interface Patience {
  readonly clock: Clock;
  readonly random: Random;
  readonly leadership: Leadership;
  readonly signal: AbortSignal;
  /** On the monotonic clock. */
  readonly deadlineMs: number;
}

/** Tries again while the peer may come back, or a person may let us in, and the deadline is ahead. */
export async function persistently<T>(work: () => Promise<T>, patience: Patience): Promise<T> {
  const { clock, random, leadership, signal, deadlineMs } = patience;
  for (let attempt = 0;; attempt++) {
    signal.throwIfAborted();
    assertLeader(leadership);
    try {
      return await work();
    } catch (error) {
      const mayPass = error instanceof TransientError || error instanceof StalledError;
      if (!mayPass || clock.monotonic() >= deadlineMs) throw error;
      const after = error instanceof TransientError ? error.retryAfterMs : undefined;
      await clock.sleep(backoffMs(attempt, random.fraction(), after, RETRY), signal);
    }
  }
}

/** Throws ApplyError `unhealthy` when the object fails, or is not what was asked for in time. */
export async function waitHealthy(
  { ref, assess }: Pick<Operation, "ref" | "assess">,
  before: KubeObject | null,
  cluster: Cluster,
  patience: Patience,
): Promise<void> {
  const { clock, signal, deadlineMs } = patience;
  for (let pollMs = POLL_MS.first;; pollMs = Math.min(pollMs * 2, POLL_MS.longest)) {
    const live = await persistently(() => cluster.get(ref), patience);
    const { state, message } = assess(live, before);
    if (state === "current") return;
    if (state === "failed") throw new ApplyError("unhealthy", `${formatRef(ref)}: ${message}`);
    if (clock.monotonic() >= deadlineMs) {
      throw new ApplyError(
        "unhealthy",
        `${formatRef(ref)} is not as asked for in time: ${message}`,
      );
    }
    await clock.sleep(pollMs, signal);
  }
}
