/** Patience with peers and with rollouts, bounded by a deadline on the clock that nobody can step. */
import { ApplyError, RefusedError, StalledError, TransientError } from "../errors.ts";
import { backoffMs } from "../core/backoff.ts";
import type { KubeObject } from "../core/kubernetes_object.ts";
import { formatRef } from "../core/kubernetes_object.ts";
import type { Clock, Random } from "../runtime.ts";
import type { Cluster } from "./cluster.ts";
import { assertLeader, type Leadership } from "./leadership.ts";
import { assessPresent, type Operation } from "./operations/operation.ts";
import { sideBySide } from "./side_by_side.ts";
import { summarize } from "./summary.ts";

const RETRY = { baseMs: 200, maxMs: 5000 };
const POLL_MS = { first: 50, longest: 2000 };
/** Objects that are looked at at once. */
const MAX_LOOKS = 8;

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

/** One operation, and the object as it was before it. */
export interface Awaited {
  readonly operation: Pick<Operation, "ref" | "assess">;
  readonly before: KubeObject | null;
}

/**
 * Looks at once, then at growing intervals, at all that are not there yet; one that fails ends the wait.
 * Throws ApplyError `unhealthy` when an object fails, or is not what was asked for in time.
 */
export async function waitHealthy(
  awaited: readonly Awaited[],
  cluster: Cluster,
  patience: Patience,
): Promise<void> {
  const { clock, signal, deadlineMs } = patience;
  const look = async ({ operation, before }: Awaited) => {
    const live = await persistently(() => cluster.get(operation.ref), patience);
    return operation.assess(live, before);
  };
  let left = [...awaited];
  for (let pollMs = POLL_MS.first;; pollMs = Math.min(pollMs * 2, POLL_MS.longest)) {
    const found = await sideBySide(left, MAX_LOOKS, look);
    const messages = found.map(({ message }, index) =>
      `${formatRef(left[index]!.operation.ref)}: ${message}`
    );
    const failed = messages.filter((_, index) => found[index]!.state === "failed");
    if (failed.length > 0) throw new ApplyError("unhealthy", summarize(failed));
    const late = messages.filter((_, index) => found[index]!.state !== "current");
    left = left.filter((_, index) => found[index]!.state !== "current");
    if (left.length === 0) return;
    if (clock.monotonic() >= deadlineMs) {
      throw new ApplyError("unhealthy", `not as asked for in time: ${summarize(late)}`);
    }
    await clock.sleep(Math.min(pollMs, Math.max(deadlineMs - clock.monotonic(), 0)), signal);
  }
}

/** Until what the package made before works, and the server knows the kind that was defined. */
export async function waitForNeeds(
  { ref, needs = [] }: Operation,
  cluster: Cluster,
  patience: Patience,
): Promise<void> {
  const awaited = needs.map((need) => ({
    operation: { ref: need.ref, assess: assessPresent },
    before: null,
  }));
  await waitHealthy(awaited, cluster, patience);
  await persistently(async () => {
    try {
      await cluster.resolve(ref);
    } catch (error) {
      if (!(error instanceof RefusedError && error.code === "not_found")) throw error;
      // Established, but not served yet.
      throw new TransientError("unavailable", error.message, { cause: error });
    }
  }, patience);
}
