/** Does what the plan says, each track by itself, and mends it again. */
import type { FaultProxy } from "../../testbed/fault_proxy.ts";
import type { Fault, Track } from "./plan.ts";
import type { World } from "./world.ts";

const HOUR_MS = 3_600_000;
const SLOW_BYTES_PER_SECOND = 3000;
const RESET_EVERY_MS = 250;
/** An answer is held back for longer than the connection lives. */
const LATE_MS = 2 * RESET_EVERY_MS;

export interface Happened {
  readonly fault: Fault;
  /** When it really began, ms since the soak did. */
  readonly begunMs: number;
}

/**
 * Resolves when the time is over, every fault has passed, and everything is well again. Rejects when
 * mending failed.
 */
export async function carryOut(
  plan: readonly Fault[],
  durationMs: number,
  world: World,
  tell: (happened: Happened) => void,
): Promise<void> {
  const begunMs = performance.now();
  const since = () => performance.now() - begunMs;
  const tracks = Map.groupBy(plan, ({ track }) => track);
  await Promise.all([...tracks.values()].map(async (faults) => {
    for (const fault of faults) {
      await pause(fault.atMs - since());
      tell({ fault, begunMs: Math.round(since()) });
      await ACTIONS[fault.track](fault, world);
    }
  }));
  await pause(durationMs - since());
}

type Action = (fault: Fault, world: World) => Promise<void>;

const ACTIONS: Readonly<Record<Track, Action>> = {
  async agent({ kind, forMs }, { agent }) {
    if (kind === "hang") {
      agent.hang();
      await pause(forMs);
      return agent.goOn();
    }
    await agent.kill();
    await pause(forMs);
    agent.run();
  },
  async receiver({ kind, forMs }, { sink }) {
    switch (kind) {
      case "down":
        await sink.down();
        await pause(forMs);
        return await sink.up();
      case "failing":
        sink.fail();
        await pause(forMs);
        return sink.mend();
      case "answers lost":
        // Requests arrive and count; their answers never do.
        sink.proxy.answers.latencyMs = LATE_MS;
        await resetFor(sink.proxy, forMs);
        return await sink.proxy.heal();
      default:
        return await network(sink.proxy, kind, forMs);
    }
  },
  async prometheus({ kind, forMs }, { prometheus, prometheusProxy }) {
    switch (kind) {
      case "kill -9":
        await prometheus.kill();
        await pause(forMs);
        return await prometheus.run();
      case "hang":
        prometheus.hang();
        await pause(forMs);
        return prometheus.goOn();
      default:
        return await network(prometheusProxy, kind, forMs);
    }
  },
  async clock({ kind, forMs }, { agent }) {
    await agent.stepClock(kind === "+1 h" ? HOUR_MS : -HOUR_MS);
    await pause(forMs);
    await agent.stepClock(0);
  },
};

async function network(proxy: FaultProxy, kind: string, forMs: number): Promise<void> {
  switch (kind) {
    case "reset":
      await resetFor(proxy, forMs);
      break;
    case "half-open":
      proxy.stall();
      await pause(forMs);
      break;
    case "slow":
      proxy.answers.bytesPerSecond = SLOW_BYTES_PER_SECOND;
      proxy.requests.bytesPerSecond = SLOW_BYTES_PER_SECOND;
      await pause(forMs);
      break;
    default:
      throw new Error(`nobody knows how to do ${kind}`);
  }
  await proxy.heal();
}

async function resetFor(proxy: FaultProxy, forMs: number): Promise<void> {
  for (let leftMs = forMs; leftMs > 0; leftMs -= RESET_EVERY_MS) {
    proxy.reset();
    await pause(Math.min(leftMs, RESET_EVERY_MS));
  }
  proxy.reset();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
