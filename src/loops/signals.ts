/** Streams every configured query, each on its own; one that fails never holds up another. */
import { formatDuration } from "../core/duration.ts";
import type { Heartbeat, PartState } from "../core/protocol.ts";
import type { GapSummary } from "../core/signals/gap_summary.ts";
import { ConnectorError, StalledError } from "../errors.ts";
import type { SignalsDeps } from "./signals_ports.ts";
import { WORST_FIRST } from "./signals_lane_states.ts";
import { QueryStream } from "./signals_query.ts";
import { Slots } from "./signals_slots.ts";

/** One entry of the heartbeat's `signals`. */
export type SignalsLag = Heartbeat["signals"][number];

export interface QueryOverview extends SignalsLag {
  /** Of the last day, and all that are not acknowledged; null when they cannot be read. */
  readonly gaps: readonly GapSummary[] | null;
  /** Left out of the newest window; null before the first. */
  readonly seriesDropped: number | null;
}

const DEFAULT_PART = "signals";
/** Prometheus runs 20 queries at a time for everyone; this leaves it room and bounds our memory. */
const MAX_CONCURRENT_WINDOWS = 4;
const DAY_MS = 86_400_000;

export class SignalsStreamer {
  readonly #part: string;
  #streams = new Map<string, QueryStream>();

  /** Throws StalledError `config_invalid`. */
  constructor(private readonly deps: SignalsDeps) {
    if (deps.sink.inOrderOnly && deps.config.reread > 0) {
      throw new StalledError(
        "config_invalid",
        "signals.reread needs a receiver that takes old points again; that of signals.sink does not",
        { hint: "leave out signals.reread, and let signals.settle be long enough instead" },
      );
    }
    this.#part = deps.part ?? DEFAULT_PART;
  }

  /**
   * Runs until the signal aborts, then resolves; the cursors on the disk say where to go on.
   * Rejects only on a bug, once every query has stopped.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { queries } = this.deps.config;
    if (queries.length === 0) {
      this.deps.health.report(this.#part, "off", "no queries are configured");
      return;
    }
    const bug = new AbortController();
    const stop = AbortSignal.any([signal, bug.signal]);
    const slots = new Slots(this.deps.maxConcurrent ?? MAX_CONCURRENT_WINDOWS);
    this.#streams = new Map(queries.map((query) => {
      const report = (state: PartState, reason: string) => this.#report(query.name, state, reason);
      return [query.name, new QueryStream(this.deps, query, slots, report, stop)];
    }));
    await Promise.all([...this.#streams.values()].map(async (stream) => {
      try {
        await stream.run();
      } catch (error) {
        if (!stop.aborted) bug.abort(error);
      }
    }));
    if (bug.signal.aborted) throw bug.signal.reason;
  }

  /** For the heartbeat, in the order of the configuration. */
  lag(): SignalsLag[] {
    const { queries, backfillSpeed: speed } = this.deps.config;
    return queries.map(({ name: query }) => {
      const progress = this.#streams.get(query)?.progress;
      if (!progress) {
        return { query, acknowledgedMs: null, lagMs: null, newestMs: null, backfill: null };
      }
      const { acknowledgedMs, newestMs, pendingMs, oldestMs } = progress;
      return {
        query,
        acknowledgedMs: Math.max(0, acknowledgedMs),
        lagMs: Math.max(0, this.deps.clock.now() - acknowledgedMs),
        newestMs: Math.max(0, newestMs),
        backfill: { pendingMs, oldestMs, speed },
      };
    });
  }

  /** For people, in the order of the configuration: with what the ledger on the disk says. */
  async overview(): Promise<QueryOverview[]> {
    const found: QueryOverview[] = [];
    // One after the other: a ledger may be of some size, and nobody is in a hurry.
    for (const lag of this.lag()) {
      const stream = this.#streams.get(lag.query);
      const gaps = stream ? await gapsOf(stream) : [];
      found.push({ ...lag, gaps, seriesDropped: stream?.seriesDropped ?? null });
    }
    return found;
  }

  #describeOk(): string {
    const pending = [...this.#streams.values()].map(({ progress }) => progress?.pendingMs ?? 0)
      .filter((pendingMs) => pendingMs > 0);
    if (pending.length === 0) return "streaming";
    const longestMs = Math.max(...pending);
    const { backfillSpeed: speed } = this.deps.config;
    const left = `${formatDuration(longestMs / speed)} at ${speed}×`;
    const queries = pending.length === 1 ? "one query" : `${pending.length} queries`;
    return `streaming; ${queries} with up to ${formatDuration(longestMs)} of history still to ` +
      `send, about ${left}`;
  }

  #report(query: string, state: PartState, reason: string): void {
    const { health, config } = this.deps;
    const part = this.#part;
    health.report(`${part}/${query}`, state, reason);
    const parts = config.queries.flatMap(({ name }) => health.get(`${part}/${name}`) ?? []);
    const worst = WORST_FIRST.find((candidate) => parts.some((one) => one.state === candidate))!;
    const causes = parts.filter((one) => one.state === worst);
    const first = causes.find((one) => one.name === `${part}/${query}`) ?? causes[0]!;
    const others = causes.length > 1 ? ` (and ${causes.length - 1} more queries)` : "";
    health.report(
      part,
      worst,
      worst === "ok" ? this.#describeOk() : `${first.name}: ${first.reason}${others}`,
    );
  }
}

async function gapsOf(stream: QueryStream): Promise<GapSummary[] | null> {
  try {
    return await stream.gaps(DAY_MS);
  } catch (error) {
    // The stream itself says in health what is wrong with it.
    if (error instanceof ConnectorError) return null;
    throw error;
  }
}
