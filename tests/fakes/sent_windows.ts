/**
 * What the control plane was sent of a query. Fresh data go before history, so an agent may be stopped while
 * time is open behind its newest window: the cursor on the disk says how much must have come without a hole.
 */
import assert from "node:assert/strict";
import type { World } from "../../src/cli/simulate/world.ts";
import type { SignalsBatch } from "../../src/core/protocol.ts";
import { until } from "./agent_world.ts";

type Window = SignalsBatch["window"];
type Place = { readonly world: World; readonly query: string; readonly node?: string };

/**
 * In the order of time, each once.
 * @param node of a query that each node asks for itself
 */
export function windowsOf({ controlPlane }: World, query: string, node?: string): Window[] {
  const windows = controlPlane.signals.batches
    .filter((batch) => batch.query.name === query && batch.node === node)
    .map(({ window }) => window).sort((one, other) => one.startMs - other.startMs);
  return windows.filter(({ startMs }, index) => startMs !== windows[index - 1]?.startMs);
}

/** Epoch ms up to which a query is settled, by its cursor; -Infinity while there is none. */
export function acknowledgedMs(stateDir: string, query: string): number {
  try {
    return JSON.parse(Deno.readTextFileSync(`${stateDir}/cursors/${query}.json`)).acknowledgedMs;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return -Infinity;
    throw error;
  }
}

/** Until all is settled up to the end of the newest window that was sent until now. */
export async function untilWhole({ world, query, node }: Place, stateDir: string): Promise<void> {
  const newestMs = windowsOf(world, query, node).at(-1)!.endMs;
  await until(() => acknowledgedMs(stateDir, query) >= newestMs);
}

/** What the cursor says is settled was sent: windows without a hole or an overlap, right up to there. */
export function assertTiles({ world, query, node }: Place, stateDir: string): void {
  const settledMs = acknowledgedMs(stateDir, query);
  const windows = windowsOf(world, query, node).filter(({ endMs }) => endMs <= settledMs);
  assert.equal(windows.at(-1)?.endMs, settledMs, `${query}: what is settled was sent`);
  windows.slice(1).forEach((window, index) =>
    assert.equal(window.startMs, windows[index]!.endMs + window.stepMs, `${query} tiles time`)
  );
}
