/**
 * One lane of a query: plan the next window from the cursor, ask, deliver, acknowledge, repeat. Every failure
 * leads back to the plan, so that a restart and a retry are the same thing. The cursor moves only past what
 * the receiver acknowledged, as data or as a gap that was on the disk before.
 */
import { formatDuration } from "../core/duration.ts";
import type { PartState } from "../core/protocol.ts";
import { makeGap } from "../core/signals/gap_ledger.ts";
import {
  backlogOf,
  durationOf,
  type LaneName,
  nextStretch,
  type Stretch,
  windowWithin,
} from "../core/signals/lanes.ts";
import {
  alignDown,
  backfillHorizon,
  blockEnd,
  type Grid,
  type Window,
} from "../core/signals/windows.ts";
import type { CursorKeeper } from "./signals_cursor.ts";
import type { SignalsDelivery } from "./signals_delivery.ts";
import type { SignalsFetch } from "./signals_fetch.ts";
import type { OpenGaps } from "./signals_gaps.ts";
import type { Patience } from "./signals_patience.ts";
import type { SignalsDeps, SignalsQuery } from "./signals_ports.ts";
import type { Slots } from "./signals_slots.ts";
import type { Throttle } from "./signals_throttle.ts";
import type { SignalsTime } from "./signals_time.ts";
import type { SignalsWindow } from "./signals_window.ts";

/** The wall clock may be stepped while we sleep, and another lane may leave work; look at least this often. */
const MAX_SLEEP_MS = 15_000;
/** How far the source's clock may lag before someone is told. */
const CLOCK_TOLERANCE_MS = 10_000;

export interface LanePorts {
  readonly deps: SignalsDeps;
  readonly query: SignalsQuery;
  readonly grid: Grid;
  readonly keeper: CursorKeeper;
  readonly gaps: OpenGaps;
  readonly time: SignalsTime;
  readonly throttle: Throttle;
  readonly slots: Slots;
  readonly fetch: SignalsFetch;
  readonly delivery: SignalsDelivery;
  readonly window: SignalsWindow;
  /** For the source. */
  readonly pace: Patience;
  readonly report: (state: PartState, reason: string) => void;
  /** There is nothing to do for this lane, and so nothing to say. */
  readonly rest: () => void;
  readonly signal: AbortSignal;
}

export class SignalsLane {
  constructor(private readonly name: LaneName, private readonly ports: LanePorts) {}

  /** Runs until the signal aborts; then rejects with its reason. Any other rejection is a bug. */
  async run(): Promise<never> {
    for (;;) {
      this.ports.signal.throwIfAborted();
      await this.#step();
    }
  }

  async #step(): Promise<void> {
    const { deps, grid, keeper, gaps, time, window: carrier } = this.ports;
    const { settle, backfill } = deps.config;
    const stretch = nextStretch(this.name, keeper.cursor, grid, time.now() - settle);
    if (!stretch) {
      this.ports.rest();
      return await deps.clock.sleep(MAX_SLEEP_MS, this.ports.signal);
    }
    const { startMs } = stretch;
    const lost = gaps.lossAt(startMs);
    if (lost) {
      const endMs = Math.max(startMs, alignDown(lost.endMs, grid.stepMs));
      const window = { startMs, endMs, stepMs: grid.stepMs };
      await this.ports.delivery.sendGaps(window, gaps.within(window));
      return await keeper.acknowledge({ startMs, endMs: lost.endMs });
    }
    const horizonMs = backfillHorizon(grid, time.now(), settle, backfill);
    if (startMs < horizonMs) return await this.#giveUp(stretch, horizonMs);
    const window = windowWithin(grid, stretch, carrier.maxSteps);
    if (time.now() < window.endMs + settle) return await this.#waitFor(window.endMs + settle);
    await this.#carry(window);
  }

  async #carry(window: Window): Promise<void> {
    const { deps, grid, keeper, throttle, query } = this.ports;
    const durationMs = durationOf([window], grid.stepMs);
    const isHistory = this.#isHistory();
    if (isHistory) {
      if (throttle.leftMs > 0) return await this.#sleep(throttle.leftMs);
      throttle.begin(durationMs);
    }
    if (!await this.ports.window.carry(window)) return;
    await keeper.acknowledge(window);
    if (isHistory) deps.metrics.signalBackfilled.inc({ query: query.name }, durationMs / 1000);
    this.ports.report("ok", "streaming");
  }

  /** In the one lane of a receiver that wants order, history is what is a backlog. */
  #isHistory(): boolean {
    if (this.name !== "ordered") return this.name === "history";
    const { keeper, grid, time, deps } = this.ports;
    return backlogOf(keeper.cursor, grid, time.now() - deps.config.settle).length > 0;
  }

  async #giveUp({ startMs, limitMs }: Stretch, horizonMs: number): Promise<void> {
    const { deps, grid, time, gaps, slots, fetch, pace } = this.ports;
    const { stepMs } = grid;
    if (!time.knowsSource) {
      // Our clock alone is no ground for giving data up: hear first what time the source has.
      const point = { startMs, endMs: startMs, stepMs };
      try {
        return await slots.use(() => fetch.askTime(point));
      } catch (error) {
        return await pace.afterError(error);
      }
    }
    const endMs = Math.min(limitMs, blockEnd(grid, horizonMs - stepMs));
    const detail = `older than signals.backfill (${formatDuration(deps.config.backfill)})`;
    await gaps.record([makeGap({ startMs, endMs }, "beyond_horizon", detail)]);
    const reason = `${formatDuration(endMs - startMs + stepMs)} of metrics given up: ${detail}`;
    this.ports.report("degraded", reason);
  }

  async #waitFor(settledAtMs: number): Promise<void> {
    const { time, report } = this.ports;
    if (time.aheadMs > CLOCK_TOLERANCE_MS) {
      const reason = `the clock of Prometheus is ${formatDuration(time.aheadMs)} behind ours`;
      report("degraded", `${reason}; waiting for it`);
    }
    await this.#sleep(settledAtMs - time.now());
  }

  async #sleep(ms: number): Promise<void> {
    const { deps, signal } = this.ports;
    await deps.clock.sleep(Math.min(MAX_SLEEP_MS, Math.max(1, ms)), signal);
  }
}
