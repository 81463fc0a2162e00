/** Many elections over one Lease, each with a client and connections of its own, as so many pods have. */
import { KubernetesApi } from "../../src/adapters/kubernetes/api.ts";
import {
  type KubernetesCredentials,
  loadCredentials,
} from "../../src/adapters/kubernetes/credentials.ts";
import { KubernetesLease } from "../../src/adapters/kubernetes/lease.ts";
import type { ElectionTimes } from "../../src/core/election.ts";
import { HealthBoard } from "../../src/core/health.ts";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import { LeaderElection } from "../../src/loops/leadership.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { CountedLease, noCalls } from "./counted_lease.ts";

/** The defaults of kubernetes.leaderElection. */
export const TIMES: ElectionTimes = {
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2000,
};

export interface CrowdOptions {
  readonly kubeconfig: string;
  readonly lease: { readonly namespace: string; readonly name: string };
  readonly count: number;
  /** Of their identities. */
  readonly prefix: string;
  readonly times?: ElectionTimes;
  /** See CountedLease. */
  readonly isLongRunning: boolean;
  readonly onLeading?: (identity: string) => void;
}

interface Member {
  readonly election: LeaderElection;
  readonly api: KubernetesApi;
  readonly stop: AbortController;
  readonly running: Promise<void>;
}

export class Crowd {
  /** Of all of them, so far. */
  readonly calls = noCalls();
  readonly #members: readonly Member[];

  private constructor(options: CrowdOptions, credentials: KubernetesCredentials) {
    this.#members = Array.from(
      { length: options.count },
      (_, index) => this.#join(`${options.prefix}-${index}_1`, options, credentials),
    );
  }

  static async open(options: CrowdOptions): Promise<Crowd> {
    const { files, clock } = systemRuntime();
    const credentials = await loadCredentials(
      { mode: "kubeconfig", kubeconfig: options.kubeconfig },
      { files, clock, mask: new SecretMask(), env: () => undefined },
    );
    return new Crowd(options, credentials);
  }

  #join(identity: string, options: CrowdOptions, credentials: KubernetesCredentials): Member {
    const runtime = systemRuntime();
    const { clock, random } = runtime;
    const api = new KubernetesApi(runtime, credentials);
    const election = new LeaderElection({
      store: new CountedLease(
        new KubernetesLease(api, clock, options.lease),
        this.calls,
        options.isLongRunning,
      ),
      identity,
      times: options.times ?? TIMES,
      audit: { record: () => Promise.resolve({ sequence: 0, hash: "" }) },
      clock,
      random,
      logger: new JsonLogger(clock, () => {}, "error", new SecretMask()),
      health: new HealthBoard(() => clock.now()),
    });
    const stop = new AbortController();
    const running = election.run(stop.signal, (signal) => {
      options.onLeading?.(identity);
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
    });
    return { election, api, stop, running };
  }

  /** How many of them take someone for the leader. */
  get following(): number {
    return this.#members.filter(({ election }) => election.holder() !== "").length;
  }

  get leaders(): number {
    return this.#members.filter(({ election }) => election.isLeader()).length;
  }

  /** Ends whoever leads, as a stop of its agent would: it gives the Lease up. */
  async stopLeader(): Promise<void> {
    await stopAll(this.#members.filter(({ election }) => election.isLeader()));
  }

  async close(): Promise<void> {
    await stopAll(this.#members);
    for (const { api } of this.#members) api.close();
  }
}

async function stopAll(members: readonly Member[]): Promise<void> {
  for (const { stop } of members) stop.abort(new DOMException("stopping", "AbortError"));
  await Promise.all(members.map(({ running }) => running));
}
