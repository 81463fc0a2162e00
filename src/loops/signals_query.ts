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
import {
  alignDown,
  backfillHorizon,
  blockEnd,
  countSteps,
  type Grid,
  makeGrid,
  type Window,
  windowAt,
} from "../core/signals/windows.ts";
import { SignalsDelivery } from "./signals_delivery.ts";
import { type Fetched, type Matrix, type Refusal, SignalsFetch } from "./signals_fetch.ts";
import { OpenGaps } from "./signals_gaps.ts";
import { Patience } from "./signals_patience.ts";
import type { SignalsDeps, SignalsQuery } from "./signals_ports.ts";
import type { Slots } from "./signals_slots.ts";
import { SignalsTime } from "./signals_time.ts";

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
  /** Halved when a window proves too much; grows again slowly, so that refusals stay few. */
  #maxSteps: number;
  #acknowledgedMs: number | null = null;

  constructor(
    private readonly deps: SignalsDeps,
    private readonly query: SignalsQuery,
    private readonly slots: Slots,
    private readonly report: (state: PartState, reason: string) => void,
    private readonly signal: AbortSignal,
  ) {
    const { clock, random, config } = deps;
    const log = deps.log.child({ query: query.name });
    const limits = { maxSeries: config.maxSeries, settleMs: config.settle };
    this.#grid = makeGrid(query.step, config.window);
    this.#maxSteps = this.#grid.blockSteps;
    this.#time = new SignalsTime(clock);
    this.#fetch = new SignalsFetch(deps.source, this.#time, limits, signal);
    this.#patience = new Patience(clock, random, log, report, signal);
    this.#pace = new Patience(clock, random, log, report, signal);
    this.#gaps = new OpenGaps(deps, query, this.#patience);
    this.#delivery = new SignalsDelivery(deps, query, this.#patience, signal);
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
    const window = windowAt(this.#grid, startMs, this.#maxSteps);
    const settledAtMs = window.endMs + settle;
    if (this.#time.now() < settledAtMs) {
      await this.#waitUntil(settledAtMs);
      return cursor;
    }
    return await this.#stream(cursor, window);
  }

  async #stream(cursor: Cursor, window: Window): Promise<Cursor> {
    const packed = await this.#ask(window, async (matrix) => {
      await this.#gaps.record(doubtsAbout(window, matrix));
      const piece = { window, series: matrix.series };
      return await this.#delivery.pack(piece, this.#gaps.within(window));
    });
    if (packed === null) return cursor;
    if (!await this.#delivery.send(packed) && !await this.#streamInPieces(window)) return cursor;
    const grown = this.#maxSteps + Math.ceil(this.#maxSteps / 8);
    this.#maxSteps = Math.min(this.#grid.blockSteps, grown);
    const next = await this.#acknowledge(cursor, window.endMs);
    this.report("ok", "streaming");
    return next;
  }

  /** False when the source no longer has the window; the plan starts over then. */
  async #streamInPieces(window: Window): Promise<boolean> {
    const gaps = await this.#ask(
      window,
      (matrix) => this.#delivery.sendInPieces({ window, series: matrix.series }),
    );
    if (gaps === null) return false;
    await this.#gaps.record(gaps);
    await this.#delivery.sendGaps(window, this.#gaps.within(window));
    return true;
  }

  /**
   * Asks for a window and works on the answer, holding a slot; null after any failure was dealt with.
   * The slot is given back before anyone waits for the source to recover.
   */
  async #ask<T>(window: Window, work: (matrix: Matrix) => Promise<T>): Promise<T | null> {
    let outcome: { done: T } | Refusal;
    try {
      outcome = await this.slots.use(async () => {
        const fetched: Fetched = await this.#fetch.ask(this.query.expr, window);
        return fetched.kind === "series" ? { done: await work(fetched) } : fetched;
      });
    } catch (error) {
      await this.#pace.afterError(error);
      return null;
    }
    if ("done" in outcome) {
      this.#pace.reset();
      return outcome.done;
    }
    await this.#yieldTo(outcome, window);
    return null;
  }

  /** Asks for less where that helps, and gives a window up where nothing does. */
  async #yieldTo(refusal: Refusal, window: Window): Promise<void> {
    const steps = countSteps(window);
    switch (refusal.kind) {
      case "early":
        return;
      case "too_large":
        this.#maxSteps = Math.ceil(steps / 2);
        if (steps > 1) return;
        await this.#gaps.record([makeGap(window, "too_large", refusal.detail)]);
        break;
      case "timeout":
        this.#maxSteps = Math.ceil(steps / 2);
        break;
      case "series_limit":
        await this.#gaps.record([makeGap(window, "series_limit", refusal.detail)]);
        break;
      case "rejected":
        await this.#gaps.record([makeGap(window, "source_error", refusal.detail)]);
        break;
    }
    await this.#pace.wait("degraded", `Prometheus did not answer: ${refusal.detail}`);
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

/** Data that came with a warning are sent, and marked: they may be incomplete. */
function doubtsAbout(window: Window, { warnings, truncated }: Matrix) {
  if (!truncated && warnings.length === 0) return [];
  const detail = warnings.join("; ") || "the source marked the result as partial";
  return [makeGap(window, truncated ? "truncated" : "warning", detail)];
}
