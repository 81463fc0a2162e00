/** Streams every configured query, each on its own; one that fails never holds up another. */
import { formatDuration } from "../core/duration.ts";
import type { Heartbeat, PartState } from "../core/protocol.ts";
import { StalledError } from "../errors.ts";
import type { SignalsDeps } from "./signals_ports.ts";
import { WORST_FIRST } from "./signals_lane_states.ts";
import { QueryStream } from "./signals_query.ts";
import { Slots } from "./signals_slots.ts";

/** One entry of the heartbeat's `signals`. */
export type SignalsLag = Heartbeat["signals"][number];

const PART = "signals";
/** Prometheus runs 20 queries at a time for everyone; this leaves it room and bounds our memory. */
const MAX_CONCURRENT_WINDOWS = 4;

export class SignalsStreamer {
  #streams = new Map<string, QueryStream>();

  /** Throws StalledError `config_invalid`. */
  constructor(private readonly deps: SignalsDeps) {
    if (deps.sink.inOrderOnly && deps.config.reread > 0) {
      throw new StalledError(
        "config_invalid",
        "signals.reread needs a receiver that takes a point again; that of signals.remoteWrite does not",
        { hint: "leave out signals.reread (0s), and let signals.settle be long enough instead" },
      );
    }
  }

  /**
   * Runs until the signal aborts, then resolves; the cursors on the disk say where to go on.
   * Rejects only on a bug, once every query has stopped.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { queries } = this.deps.config;
    if (queries.length === 0) {
      this.deps.health.report(PART, "off", "no queries are configured");
      return;
    }
    const bug = new AbortController();
    const stop = AbortSignal.any([signal, bug.signal]);
    const slots = new Slots(MAX_CONCURRENT_WINDOWS);
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
    health.report(`${PART}/${query}`, state, reason);
    const parts = config.queries.flatMap(({ name }) => health.get(`${PART}/${name}`) ?? []);
    const worst = WORST_FIRST.find((candidate) => parts.some((part) => part.state === candidate))!;
    const causes = parts.filter((part) => part.state === worst);
    const first = causes.find((part) => part.name === `${PART}/${query}`) ?? causes[0]!;
    const others = causes.length > 1 ? ` (and ${causes.length - 1} more queries)` : "";
    health.report(
      PART,
      worst,
      worst === "ok" ? this.#describeOk() : `${first.name}: ${first.reason}${others}`,
    );
  }
}
