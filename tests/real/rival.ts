/** One of two agents of a cluster: killed, started again and paused at will, always on the same state. */
import type { ConfigInput } from "../../src/config/schema.ts";
import type { RunningKubernetes } from "../../scripts/testbed/services/kubernetes.ts";
import { NAMESPACE } from "../../scripts/testbed/services/kubernetes_setup.ts";
import { AgentProcess } from "./agent_process.ts";
import { type Ground, writeConfig } from "./ground.ts";
import { JOURNAL } from "./shared_journal.ts";

export const LEASE = { namespace: NAMESPACE, name: "neuralops-connector" };

export class Rival {
  #agent: AgentProcess;
  #port: Promise<number>;

  private constructor(
    readonly name: string,
    readonly stateDir: string,
    private readonly config: string,
  ) {
    this.#agent = AgentProcess.spawn(config);
    this.#port = this.#untilStarted();
  }

  /** @param name a user of the cluster, and how the fence knows it */
  static async start(
    ground: Ground,
    cluster: RunningKubernetes,
    name: string,
    changes: Partial<ConfigInput>,
  ): Promise<Rival> {
    const stateDir = `${ground.directory}/${name}`;
    const config = await writeConfig(ground, {
      ...changes,
      stateDir,
      kubernetes: {
        mode: "kubeconfig",
        kubeconfig: `./${cluster.folder}/${name}.kubeconfig`,
        leaderElection: {
          ...LEASE,
          identity: `${name}_1`,
          leaseDuration: "3s",
          renewDeadline: "2s",
          retryPeriod: "500ms",
        },
        journal: JOURNAL,
      },
    });
    const own = `${ground.directory}/${name}.yaml`;
    await Deno.rename(config, own);
    return new Rival(name, stateDir, own);
  }

  /** The listener's port, once it has started. */
  started(): Promise<number> {
    return this.#port;
  }

  /** Since it was last spawned: that another one leads. */
  async untilStandsBy(): Promise<void> {
    await this.#agent.untilEvent("standing_by");
  }

  /** Of the listener; null while it is starting. */
  port(): Promise<number | null> {
    return Promise.race([this.#port, Promise.resolve(null)]);
  }

  async kill(): Promise<void> {
    await this.#agent.kill();
  }

  restart(): void {
    this.#agent = AgentProcess.spawn(this.config);
    this.#port = this.#untilStarted();
  }

  pause(): void {
    this.#agent.pause();
  }

  resume(): void {
    this.#agent.resume();
  }

  async stop(): Promise<number> {
    return await this.#agent.stop();
  }

  get isRunning(): boolean {
    return this.#agent.isRunning;
  }

  /** A kill may come before the start is done: then there is no port, which is no error. */
  #untilStarted(): Promise<number> {
    const started = this.#agent.started();
    started.catch(() => {});
    return started;
  }
}
