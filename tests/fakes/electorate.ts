/** Electors of one Lease in an embedded Kubernetes API, each with a clock and a log of its own. */
import { KubernetesApi } from "../../src/adapters/kubernetes/api.ts";
import { KubernetesCluster } from "../../src/adapters/kubernetes/cluster.ts";
import { KubernetesLease } from "../../src/adapters/kubernetes/lease.ts";
import type { AuditLog } from "../../src/core/audit.ts";
import { HealthBoard } from "../../src/core/health.ts";
import type { KubeObject } from "../../src/core/kubernetes_object.ts";
import { type EmbeddedKubernetes, startKubernetes } from "../../src/embedded/kubernetes/server.ts";
import { createPki } from "../../src/embedded/pki.ts";
import type { Cluster } from "../../src/execution/cluster.ts";
import { fence } from "../../src/execution/fenced_cluster.ts";
import { JsonLogger, SecretMask } from "../../src/log.ts";
import { LeaderElection } from "../../src/loops/leadership.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { MemoryAudit } from "./control_plane_fixture.ts";
import { FakeClock } from "./fake_clock.ts";

export const TIMES = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2000 };
const PLACE = { namespace: "kube-system", name: "connector" };

export class Electorate {
  readonly #electors: Elector[] = [];

  private constructor(
    readonly kubernetes: EmbeddedKubernetes,
    private readonly caPem: string,
  ) {}

  static async open(): Promise<Electorate> {
    const pki = await createPki();
    const kubernetes = await startKubernetes({ pki, clock: systemRuntime().clock, rolloutMs: 20 });
    return new Electorate(kubernetes, pki.caPem);
  }

  /** @param chain of its audit log, for the Lease */
  add(
    identity: string,
    audit: AuditLog = new MemoryAudit(),
    chain: string | null = null,
  ): Elector {
    const elector = new Elector(identity, audit, this.kubernetes, this.caPem, chain);
    this.#electors.push(elector);
    return elector;
  }

  get lease(): KubeObject | null {
    const { namespace, name } = PLACE;
    return this.kubernetes.store.get("coordination.k8s.io/v1", "Lease", namespace, name);
  }

  get holder(): unknown {
    return (this.lease?.spec as { holderIdentity?: string } | undefined)?.holderIdentity;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const elector of this.#electors) await elector.close();
    await this.kubernetes.close();
  }
}

export class Elector {
  readonly clock = new FakeClock();
  readonly health = new HealthBoard(() => this.clock.now());
  readonly lines: string[] = [];
  readonly election: LeaderElection;
  /** Behind this elector's fence. */
  readonly cluster: Cluster;
  /** How many times its duties were begun, and are not over. */
  duties = 0;
  /** What its duties do when they are to end; nothing unless a test says so. */
  finish: () => Promise<void> = () => Promise.resolve();
  fail = Promise.withResolvers<never>();
  readonly #api: KubernetesApi;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(
    identity: string,
    readonly audit: AuditLog,
    kubernetes: EmbeddedKubernetes,
    caPem: string,
    chain: string | null,
  ) {
    const runtime = systemRuntime();
    this.#api = new KubernetesApi(runtime, {
      baseUrl: kubernetes.url,
      caPem,
      token: () => Promise.resolve(kubernetes.token),
      forgetToken: () => {},
    });
    this.fail.promise.catch(() => {});
    this.election = new LeaderElection({
      store: new KubernetesLease(this.#api, runtime.clock, PLACE, chain),
      identity,
      times: TIMES,
      audit,
      clock: this.clock,
      random: { ...runtime.random, fraction: () => 0 },
      logger: new JsonLogger(
        this.clock,
        (line) => this.lines.push(line),
        "debug",
        new SecretMask(),
      ),
      health: this.health,
    });
    this.cluster = fence(new KubernetesCluster(this.#api, "connector"), this.election);
  }

  start(): this {
    this.#running = this.election.run(this.#stop.signal, async (signal) => {
      this.duties += 1;
      const ended = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => ended.resolve(), { once: true });
      try {
        await Promise.race([ended.promise, this.fail.promise]);
        await this.finish();
      } finally {
        this.duties -= 1;
      }
    });
    this.#running.catch(() => {});
    return this;
  }

  /** The end of `run`, good or bad. */
  get running(): Promise<void> {
    return this.#running;
  }

  /** Once its present attempt is over and it waits for the next: a leader's watch sleeps as well. */
  async settled(): Promise<void> {
    while (this.clock.sleeping < (this.election.isLeader() ? 2 : 1)) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Settled, then one retry later, and settled again. */
  async retry(times = 1): Promise<void> {
    for (let round = 0; round < times; round += 1) {
      await this.settled();
      this.clock.advance(TIMES.retryPeriodMs);
    }
    await this.settled();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new DOMException("stopping", "AbortError"));
    await this.#running;
  }

  async close(): Promise<void> {
    this.#stop.abort(new DOMException("stopping", "AbortError"));
    await this.#running.catch(() => {});
    this.#api.close();
  }
}
