/**
 * Asks for each window once more, `signals.reread` after its end, and sends it again if late samples changed
 * it. What was acknowledged stays so whatever comes of it: a second answer that is refused, incomplete or too
 * large is dropped and counted, and never becomes a gap.
 */
import { isAcknowledged } from "../core/signals/cursor.ts";
import { pointAfter } from "../core/signals/spans.ts";
import { durationOf } from "../core/signals/lanes.ts";
import { type Window, windowAt } from "../core/signals/windows.ts";
import type { LanePorts } from "./signals_lane.ts";
import type { SentWindows } from "./signals_sent.ts";

const MAX_SLEEP_MS = 15_000;

export class RereadLane {
  constructor(private readonly ports: LanePorts, private readonly sent: SentWindows) {}

  /** Runs until the signal aborts; then rejects with its reason. Any other rejection is a bug. */
  async run(): Promise<never> {
    for (;;) {
      this.ports.signal.throwIfAborted();
      await this.#step();
    }
  }

  async #step(): Promise<void> {
    const { deps, grid, keeper, time, throttle, query } = this.ports;
    const startMs = pointAfter(keeper.cursor.rereadMs!, grid.stepMs);
    const known = this.sent.at(startMs);
    const window = known?.window ?? windowAt(grid, startMs);
    const leftMs = window.endMs + deps.config.reread - time.now();
    if (leftMs > 0) return await this.#sleep(leftMs);
    if (!known?.isFinal && this.#wasSent(window)) {
      if (throttle.leftMs > 0) return await this.#sleep(throttle.leftMs);
      throttle.begin(durationOf([window], grid.stepMs));
      const result = await this.ports.window.carryAgain(window, known?.digest);
      if (result === null) return;
      deps.metrics.signalRereads.inc({ query: query.name, result });
      this.ports.rest();
    }
    this.sent.forget(startMs);
    await keeper.noteReread(window.endMs);
  }

  /** What was not sent by now will be asked for so late that late samples are in it. */
  #wasSent({ startMs, endMs }: Window): boolean {
    const { cursor } = this.ports.keeper;
    return isAcknowledged(cursor, { startMs, endMs: startMs }) ||
      isAcknowledged(cursor, { startMs: endMs, endMs });
  }

  async #sleep(ms: number): Promise<void> {
    const { deps, signal } = this.ports;
    await deps.clock.sleep(Math.min(MAX_SLEEP_MS, Math.max(1, ms)), signal);
  }
}
