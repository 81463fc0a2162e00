/**
 * One query's stream: plan the next window from the cursor, ask, deliver, acknowledge, repeat. Every
 * failure leads back to the plan, so that a restart and a retry are the same thing. The cursor moves
 * only past what the receiver acknowledged, as data or as a gap that was on the disk before.
 */
import { formatDuration } from "../core/duration.ts";
import type { PartState } from "../core/protocol.ts";
import {
  advanceCursor,
  continueCursor,
  type Cursor,
  firstCursor,
  nextPoint,
} from "../core/signals/cursor.ts";
import { makeGap } from "../core/signals/gap_ledger.ts";
import { QuerySelection } from "../core/signals/selection/query_selection.ts";
import {
  alignDown,
  backfillHorizon,
  blockEnd,
  type Grid,
  makeGrid,
  windowAt,
} from "../core/signals/windows.ts";
import { SignalsDelivery } from "./signals_delivery.ts";
import { SignalsFetch } from "./signals_fetch.ts";
import { OpenGaps } from "./signals_gaps.ts";
import { Patience } from "./signals_patience.ts";
import type { SignalsDeps, SignalsQuery } from "./signals_ports.ts";
import type { Slots } from "./signals_slots.ts";
import { SignalsTime } from "./signals_time.ts";
import { SignalsWindow } from "./signals_window.ts";

/** The wall clock may be stepped while we sleep; look again at least this often. */
const MAX_SLEEP_MS = 15_000;
/** How far the source's clock may lag before someone is told. */
const CLOCK_TOLERANCE_MS = 10_000;

export class QueryStream {
  readonly #grid: Grid;
  readonly #time: SignalsTime;
  readonly #fetch: SignalsFetch;
  readonly #gaps: OpenGaps;
  readonly #delivery: SignalsDelivery;
  /** For the disk and the receiver. */
  readonly #patience: Patience;
  /** For the source: it goes on growing while windows are given up one after the other. */
  readonly #pace: Patience;
  readonly #window: SignalsWindow;
  #acknowledgedMs: number | null = null;

  constructor(
    private readonly deps: SignalsDeps,
    private readonly query: SignalsQuery,
    private readonly slots: Slots,
    private readonly report: (state: PartState, reason: string) => void,
    private readonly signal: AbortSignal,
  ) {
    const { clock, random, config, hashLabel } = deps;
    const log = deps.log.child({ query: query.name });
    this.#grid = makeGrid(query.step, config.window);
    this.#time = new SignalsTime(clock);
    this.#fetch = new SignalsFetch(deps.source, this.#time, config.settle, signal);
    this.#patience = new Patience(clock, random, log, report, signal);
    this.#pace = new Patience(clock, random, log, report, signal);
    this.#gaps = new OpenGaps(deps, query, this.#patience);
    this.#delivery = new SignalsDelivery(deps, query, this.#patience, signal);
    this.#window = new SignalsWindow({
      selection: new QuerySelection(query, { maxSeries: config.maxSeries, hashLabel }),
      slots,
      grid: this.#grid,
      fetch: this.#fetch,
      delivery: this.#delivery,
      gaps: this.#gaps,
      pace: this.#pace,
      dropped: (reason, count) =>
        deps.metrics.signalSeriesDropped.inc({ query: query.name, reason }, count),
    });
  }

  /** Every grid point up to here is settled; null before the cursor was read. */
  get acknowledgedMs(): number | null {
    return this.#acknowledgedMs;
  }

  /** Runs until the signal aborts; then rejects with its reason. Any other rejection is a bug. */
  async run(): Promise<never> {
    this.report("starting", "waiting for the first window");
    let cursor = await this.#restore();
    for (;;) {
      this.signal.throwIfAborted();
      cursor = await this.#step(cursor);
    }
  }

  async #restore(): Promise<Cursor> {
    const { cursors, clock, config } = this.deps;
    const query = { name: this.query.name, expr: this.query.expr, stepMs: this.query.step };
    const stored = await this.#patience.until(() => cursors.load(query.name));
    const cursor = stored
      ? continueCursor(stored, query)
      : firstCursor(query, clock.now(), config.startFrom);
    await this.#gaps.load(cursor.acknowledgedMs);
    // Saved before the first window: a crash before the first success must not move the beginning.
    await this.#save(cursor);
    return cursor;
  }

  /** @returns the cursor from which to plan next */
  async #step(cursor: Cursor): Promise<Cursor> {
    const startMs = nextPoint(cursor);
    const lost = this.#gaps.lossAt(startMs);
    if (lost) {
      const endMs = alignDown(lost.endMs, this.#grid.stepMs);
      const window = { startMs, endMs, stepMs: this.#grid.stepMs };
      await this.#delivery.sendGaps(window, this.#gaps.within(window));
      return await this.#acknowledge(cursor, lost.endMs);
    }
    const { settle, backfill } = this.deps.config;
    const horizonMs = backfillHorizon(this.#grid, this.#time.now(), settle, backfill);
    if (startMs < horizonMs) {
      await this.#giveUpBacklog(startMs, horizonMs);
      return cursor;
    }
    const window = windowAt(this.#grid, startMs, this.#window.maxSteps);
    const settledAtMs = window.endMs + settle;
    if (this.#time.now() < settledAtMs) {
      await this.#waitUntil(settledAtMs);
      return cursor;
    }
    if (!await this.#window.carry(window)) return cursor;
    const next = await this.#acknowledge(cursor, window.endMs);
    this.report("ok", "streaming");
    return next;
  }

  async #giveUpBacklog(startMs: number, horizonMs: number): Promise<void> {
    const { stepMs } = this.#grid;
    if (!this.#time.knowsSource) {
      // Our clock alone is no ground for giving data up: hear first what time the source has.
      const point = { startMs, endMs: startMs, stepMs };
      try {
        return await this.slots.use(() => this.#fetch.askTime(point));
      } catch (error) {
        return await this.#pace.afterError(error);
      }
    }
    const endMs = blockEnd(this.#grid, horizonMs - stepMs);
    const detail = `older than signals.backfill (${formatDuration(this.deps.config.backfill)})`;
    await this.#gaps.record([makeGap({ startMs, endMs }, "beyond_horizon", detail)]);
    this.report("degraded", `${formatDuration(endMs - startMs)} of metrics given up: ${detail}`);
  }

  async #waitUntil(settledAtMs: number): Promise<void> {
    const { aheadMs } = this.#time;
    if (aheadMs > CLOCK_TOLERANCE_MS) {
      const reason = `the clock of Prometheus is ${formatDuration(aheadMs)} behind ours`;
      this.report("degraded", `${reason}; waiting for it`);
    }
    const leftMs = settledAtMs - this.#time.now();
    await this.deps.clock.sleep(Math.min(MAX_SLEEP_MS, Math.max(1, leftMs)), this.signal);
  }

  async #acknowledge(cursor: Cursor, acknowledgedMs: number): Promise<Cursor> {
    const next = advanceCursor(cursor, acknowledgedMs);
    await this.#save(next);
    this.#gaps.forgetUntil(acknowledgedMs);
    return next;
  }

  async #save(cursor: Cursor): Promise<void> {
    await this.#patience.until(() => this.deps.cursors.save(cursor));
    this.#acknowledgedMs = cursor.acknowledgedMs;
    const query = this.query.name;
    this.deps.metrics.signalAcknowledged.set({ query }, cursor.acknowledgedMs / 1000);
  }
}
