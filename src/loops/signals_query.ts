/**
 * One query's stream: its cursor, and the lanes that move it. Fresh data and history go side by side, so that
 * neither a long backlog nor a span that the source cannot answer holds up what is new.
 */
import { formatDuration } from "../core/duration.ts";
import type { PartState } from "../core/protocol.ts";
import { newestPoint } from "../core/signals/cursor.ts";
import { backlogOf, durationOf, type LaneName } from "../core/signals/lanes.ts";
import { type GapSummary, summarizeGaps } from "../core/signals/gap_summary.ts";
import { QuerySelection } from "../core/signals/selection/query_selection.ts";
import type { DroppedReason } from "../core/signals/selection/selection.ts";
import { type Grid, makeGrid, type Window } from "../core/signals/windows.ts";
import { CursorKeeper } from "./signals_cursor.ts";
import { SignalsDelivery } from "./signals_delivery.ts";
import { SignalsFetch } from "./signals_fetch.ts";
import { OpenGaps } from "./signals_gaps.ts";
import { type LanePorts, SignalsLane } from "./signals_lane.ts";
import { LaneStates, type Speaker } from "./signals_lane_states.ts";
import { Patience } from "./signals_patience.ts";
import type { SignalsDeps, SignalsQuery } from "./signals_ports.ts";
import { RereadLane } from "./signals_reread.ts";
import { SentWindows } from "./signals_sent.ts";
import type { Slots } from "./signals_slots.ts";
import { Throttle } from "./signals_throttle.ts";
import { SignalsTime } from "./signals_time.ts";
import { SignalsWindow } from "./signals_window.ts";

export interface QueryProgress {
  /** Every grid point up to here is settled. */
  readonly acknowledgedMs: number;
  /** The newest time that is. */
  readonly newestMs: number;
  /** History that is still to be sent. */
  readonly pendingMs: number;
  /** The oldest point of it; null when there is none. */
  readonly oldestMs: number | null;
}

export class QueryStream {
  readonly #grid: Grid;
  readonly #time: SignalsTime;
  readonly #gaps: OpenGaps;
  readonly #keeper: CursorKeeper;
  /** Of all lanes: who has a place has it in each. */
  readonly #selection: QuerySelection;
  readonly #sent = new SentWindows();
  readonly #states = new LaneStates();
  readonly #bug = new AbortController();
  /** Series that the newest window left out. */
  #dropped: { readonly endMs: number; readonly count: number } | null = null;
  readonly #signal: AbortSignal;

  constructor(
    private readonly deps: SignalsDeps,
    private readonly query: SignalsQuery,
    private readonly slots: Slots,
    private readonly report: (state: PartState, reason: string) => void,
    signal: AbortSignal,
  ) {
    this.#signal = AbortSignal.any([signal, this.#bug.signal]);
    const { config: { maxSeries }, hashLabel } = deps;
    this.#selection = new QuerySelection(query, { maxSeries, hashLabel });
    this.#grid = makeGrid(query.step, deps.config.window);
    this.#time = new SignalsTime(deps.clock);
    const patience = this.#patienceOf("disk");
    this.#gaps = new OpenGaps(deps, query, patience);
    this.#keeper = new CursorKeeper(deps, query, this.#gaps, patience);
  }

  /** null before the cursor was read. */
  get progress(): QueryProgress | null {
    const cursor = this.#keeper.known;
    if (!cursor) return null;
    const settledMs = this.#time.now() - this.deps.config.settle;
    const backlog = backlogOf(cursor, this.#grid, settledMs);
    return {
      acknowledgedMs: cursor.acknowledgedMs,
      newestMs: newestPoint(cursor),
      pendingMs: durationOf(backlog, this.#grid.stepMs),
      oldestMs: backlog[0]?.startMs ?? null,
    };
  }

  /** Series that the newest window left out; null before the first. */
  get seriesDropped(): number | null {
    return this.#dropped?.count ?? null;
  }

  /** Those of the last so many milliseconds, and all that are not acknowledged. Throws ConnectorErrors. */
  async gaps(reachMs: number): Promise<GapSummary[]> {
    const { gaps, clock } = this.deps;
    const recorded = await gaps.pending(this.query.name, clock.now() - reachMs);
    return summarizeGaps(recorded, this.#gaps.all, this.query.step);
  }

  /** Runs until the signal aborts; then rejects with its reason. Any other rejection is a bug. */
  async run(): Promise<never> {
    this.report("starting", "waiting for the first window");
    await this.#keeper.restore();
    await Promise.all(
      this.#lanes().map(async (lane) => {
        try {
          await lane.run();
        } catch (error) {
          if (!this.#signal.aborted) this.#bug.abort(error);
        }
      }),
    );
    throw this.#signal.reason;
  }

  #lanes(): { run(): Promise<never> }[] {
    const { sink, clock, config } = this.deps;
    const names: LaneName[] = sink.inOrderOnly ? ["ordered"] : ["fresh", "history"];
    const throttle = new Throttle(clock, config.backfillSpeed);
    const lanes = names.map((name) => new SignalsLane(name, this.#portsOf(name, throttle)));
    if (config.reread === 0) return lanes;
    const rereads = new Throttle(clock, config.backfillSpeed);
    return [...lanes, new RereadLane(this.#portsOf("reread", rereads), this.#sent)];
  }

  #portsOf(name: Exclude<Speaker, "disk">, throttle: Throttle): LanePorts {
    const { deps, query } = this;
    const { config, source } = deps;
    const isFresh = name === "fresh" || name === "ordered";
    const shared = { query, grid: this.#grid, gaps: this.#gaps };
    const ports = {
      ...shared,
      slots: isFresh ? this.slots : this.slots.forHistory(),
      fetch: new SignalsFetch(source, this.#time, config.settle, this.#signal),
      delivery: new SignalsDelivery(deps, query, this.#patienceOf(name), this.#signal),
      /** Of its own: it goes on growing while windows are given up one after the other. */
      pace: this.#patienceOf(name),
    };
    return {
      ...ports,
      deps,
      keeper: this.#keeper,
      time: this.#time,
      throttle,
      window: new SignalsWindow({
        ...ports,
        selection: this.#selection,
        onSelected: (window, dropped) => this.#noteDropped(window, dropped),
        onCarried: (window, digest) => this.#noteSent(window, digest),
      }),
      report: (state, reason) => this.#say(name, state, reason),
      rest: () => this.#rest(name),
      signal: this.#signal,
    };
  }

  #patienceOf(speaker: Speaker): Patience {
    const { clock, random, log } = this.deps;
    const report = (state: PartState, reason: string) => this.#say(speaker, state, reason);
    return new Patience(clock, random, log.child({ query: this.query.name }), report, this.#signal);
  }

  #noteDropped(window: Window, dropped: ReadonlyMap<DroppedReason, number>): void {
    const query = this.query.name;
    for (const [reason, count] of dropped) {
      this.deps.metrics.signalSeriesDropped.inc({ query, reason }, count);
    }
    const { endMs } = window;
    if (endMs < (this.#dropped?.endMs ?? 0)) return;
    const count = dropped.values().reduce((sum, one) => sum + one, 0);
    this.#dropped = { endMs, count };
  }

  #noteSent(window: Window, digest: string): void {
    const { reread } = this.deps.config;
    if (reread === 0) return;
    const isFinal = window.endMs + reread <= this.#time.now();
    this.#sent.note({ window, digest, isFinal });
  }

  #say(speaker: Speaker, state: PartState, reason: string): void {
    this.#states.say(speaker, state, reason);
    this.#tell();
  }

  #rest(speaker: Speaker): void {
    this.#states.silence(speaker);
    this.#tell();
  }

  #tell(): void {
    const pendingMs = this.progress?.pendingMs ?? 0;
    this.deps.metrics.signalPending.set({ query: this.query.name }, pendingMs / 1000);
    const { worst } = this.#states;
    if (!worst) return;
    const { state, reason } = worst;
    this.report(state, state === "ok" ? reason + describeBacklog(pendingMs, this.deps) : reason);
  }
}

function describeBacklog(pendingMs: number, { config }: SignalsDeps): string {
  if (pendingMs === 0) return "";
  const leftMs = pendingMs / config.backfillSpeed;
  return `; ${formatDuration(pendingMs)} of history still to send, about ` +
    `${formatDuration(leftMs)} at ${config.backfillSpeed}×`;
}
