/** Holds, or waits for, the Lease. Leadership is a deadline on the monotonic clock, not a flag. */
import { describeError } from "../errors.ts";
import {
  type ElectionConfig,
  type LeaseFields,
  mayTake,
  type Observation,
  observe,
  renewEveryMs,
  takenBy,
  trustForMs,
} from "../core/election.ts";
import type { HealthBoard } from "../core/health.ts";
import type { Leadership } from "../execution/leadership.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock, Random } from "../runtime.ts";

export interface StoredLease {
  readonly resourceVersion: string;
  readonly spec: LeaseFields;
}

export interface LeaseStore {
  read(): Promise<StoredLease | null>;
  /** null when someone else wrote in between. `resourceVersion` null creates it. */
  write(spec: LeaseFields, resourceVersion: string | null): Promise<StoredLease | null>;
}

export interface LeaderElectionParts {
  readonly lease: LeaseStore;
  readonly config: ElectionConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly health: HealthBoard;
  readonly metrics: Metrics;
}

export class LeaderElection implements Leadership {
  #trustedUntil = -Infinity;
  #observation: Observation | null = null;

  constructor(private readonly parts: LeaderElectionParts) {}

  isLeader(): boolean {
    return this.parts.clock.monotonic() < this.#trustedUntil;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, config, random } = this.parts;
    while (!signal.aborted) {
      const led = this.isLeader();
      try {
        await this.#campaign();
        this.#report(led, this.isLeader() ? "holds the Lease" : "stands by");
      } catch (error) {
        this.#report(led, describeError(error));
      }
      const pauseMs = renewEveryMs(config) * (0.9 + 0.2 * random.fraction());
      await clock.sleep(pauseMs, signal).catch(() => {});
    }
    await this.#resign();
  }

  async #campaign(): Promise<void> {
    const { lease, config, clock } = this.parts;
    const current = await lease.read();
    // Trust counts from before the write was sent: the server may have taken it at once.
    const startedAt = clock.monotonic();
    const spec = current?.spec ?? {};
    if (current) {
      this.#observation = observe(this.#observation, current.resourceVersion, startedAt);
      if (!mayTake(spec, this.#observation, config, startedAt)) {
        this.#trustedUntil = -Infinity;
        return;
      }
    }
    const written = await lease.write(
      takenBy(spec, config, clock.now()),
      current?.resourceVersion ?? null,
    );
    if (written) {
      this.#observation = observe(null, written.resourceVersion, startedAt);
      this.#trustedUntil = startedAt + trustForMs(config);
    }
  }

  /** Lets the next one in at once; a failure here only means that it waits out the lease. */
  async #resign(): Promise<void> {
    if (!this.isLeader()) return;
    this.#trustedUntil = -Infinity;
    try {
      const current = await this.parts.lease.read();
      if (current?.spec.holderIdentity !== this.parts.config.identity) return;
      await this.parts.lease.write(
        { ...current.spec, holderIdentity: "", leaseDurationSeconds: 1 },
        current.resourceVersion,
      );
    } catch (error) {
      this.parts.log.log("warn", "lease_not_released", { reason: describeError(error) });
    }
  }

  #report(led: boolean, reason: string): void {
    const leads = this.isLeader();
    this.parts.health.report("leadership", "ok", reason);
    this.parts.metrics.isLeader.set(leads ? 1 : 0);
    if (led !== leads) this.parts.log.log("info", leads ? "leading" : "standing_by", { reason });
  }
}
