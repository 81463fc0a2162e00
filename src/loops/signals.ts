/** Streams every configured query, each on its own; one that fails never holds up another. */
import type { PartState } from "../core/protocol.ts";
import type { SignalsDeps } from "./signals_ports.ts";
import { QueryStream } from "./signals_query.ts";
import { Slots } from "./signals_slots.ts";

export interface SignalsLag {
  readonly query: string;
  readonly acknowledgedMs: number | null;
  readonly lagMs: number | null;
}

const DEFAULT_PART = "signals";
/** Prometheus runs 20 queries at a time for everyone; this leaves it room and bounds our memory. */
const MAX_CONCURRENT_WINDOWS = 4;
const WORST_FIRST: readonly PartState[] = ["stalled", "degraded", "starting", "ok"];

export class SignalsStreamer {
  readonly #part: string;
  #streams = new Map<string, QueryStream>();

  constructor(private readonly deps: SignalsDeps) {
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
    return this.deps.config.queries.map(({ name }) => {
      const acknowledgedMs = this.#streams.get(name)?.acknowledgedMs ?? null;
      return {
        query: name,
        acknowledgedMs: acknowledgedMs === null ? null : Math.max(0, acknowledgedMs),
        lagMs: acknowledgedMs === null ? null : Math.max(0, this.deps.clock.now() - acknowledgedMs),
      };
    });
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
      worst === "ok" ? "streaming" : `${first.name}: ${first.reason}${others}`,
    );
  }
}
