/** What every chapter has at hand: the peers, the running agent, and ways to act as each person would. */
import type { ConfigInput } from "../../config/schema.ts";
import { encodeBase64, encodeUtf8 } from "../../core/encoding.ts";
import type { ExecutionState } from "../../core/protocol.ts";
import { type PushAnswer, pushExecute } from "../../embedded/control_plane/push.ts";
import { systemFiles } from "../../runtime_deno/files.ts";
import type { Http } from "../../runtime.ts";
import { AdminClient } from "../admin_client.ts";
import type { Actor } from "./actor.ts";
import type { Narrator } from "./narrator.ts";
import type { Scorecard } from "./scorecard.ts";
import { CI_IDENTITY, type World } from "./world.ts";

const PATIENCE_MS = 20_000;
const POLL_MS = 10;
const HOUR_MS = 3_600_000;

export interface PackageSpec {
  readonly name: string;
  readonly stream: string;
  readonly sequence: number;
  /** YAML list items of spec.actions, indented by four. */
  readonly actions: string;
  readonly risk?: string;
  readonly clusterId?: string;
  readonly expired?: boolean;
  readonly timeout?: string;
}

export class Stage {
  #agent: Actor;

  /** @param launch starts an agent on the same state, with these changes of its configuration */
  constructor(
    readonly world: World,
    agent: Actor,
    private readonly launch: (changes: Partial<ConfigInput>) => Promise<Actor>,
    readonly narrator: Narrator,
    readonly scorecard: Scorecard,
    private readonly signal: AbortSignal,
  ) {
    this.#agent = agent;
  }

  get agent(): Actor {
    return this.#agent;
  }

  /** Stops the agent, lets the time pass, and starts it again. */
  async restart(changes: Partial<ConfigInput>, meanwhile: () => void): Promise<void> {
    await this.#agent.stop();
    meanwhile();
    this.#agent = await this.launch(changes);
  }

  get clusterId(): string {
    return this.world.controlPlane.registrations[0]?.clusterId ?? "unknown";
  }

  /** Throws when the condition does not hold in time. */
  async until<T>(
    what: string,
    probe: () => T | undefined | false | null | Promise<T | undefined | false | null>,
  ): Promise<T> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      this.signal.throwIfAborted();
      const found = await probe();
      if (found) return found;
      if (performance.now() > deadline) throw new Error(`waited ${PATIENCE_MS} ms for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async pause(ms: number): Promise<void> {
    const end = performance.now() + ms;
    await this.until("the time to pass", () => performance.now() >= end);
  }

  buildPackage(spec: PackageSpec): Uint8Array<ArrayBuffer> {
    const now = this.world.clock.now();
    const iso = (ms: number) => new Date(ms).toISOString();
    const [from, to] = spec.expired
      ? [now - 2 * HOUR_MS, now - HOUR_MS]
      : [now - 60_000, now + HOUR_MS];
    return encodeUtf8(`apiVersion: neuralops.io/v1
kind: WorkPackage
metadata: { name: ${spec.name}, stream: ${spec.stream}, sequence: ${spec.sequence} }
spec:
  target: { clusterIds: [${spec.clusterId ?? this.clusterId}] }
  notBefore: ${iso(from)}
  expiresAt: ${iso(to)}
  risk: ${spec.risk ?? "low"}
  reason: simulated incident
  actions:
${spec.actions}
  wait: { timeout: ${spec.timeout ?? "10s"} }
`);
  }

  signByKey(bytes: Uint8Array): Record<string, unknown> {
    return { ...this.world.signers.release.sign(bytes) };
  }

  async signKeyless(bytes: Uint8Array): Promise<Record<string, unknown>> {
    return { ...await this.world.signers.ci.sign(bytes, CI_IDENTITY) };
  }

  /** As the Orchestrator pushes: POST /execute with its JWT. */
  async push(bytes: Uint8Array, bundle: Record<string, unknown>): Promise<PushAnswer> {
    const token = await this.world.controlPlane.orchestratorToken({ audience: this.clusterId });
    const url = `https://127.0.0.1:${this.agent.port}`;
    return await pushExecute(
      url,
      this.world.pki.caPem,
      { payload: encodeBase64(bytes), bundle },
      token,
    );
  }

  /** As the Orchestrator reaches a cluster behind NAT: over GET /commands. */
  enqueue(bytes: Uint8Array, bundle: Record<string, unknown>): void {
    this.world.controlPlane.enqueueCommand({
      type: "execute",
      data: { payload: encodeBase64(bytes), bundle },
    });
  }

  /** The client behind `neuralops-connector executions`, with the socket left out. */
  admin(): AdminClient {
    const http: Pick<Http, "client"> = {
      client: () => ({
        fetch: (url, init) => this.agent.admin(new Request(url, init)),
        close: () => {},
      }),
    };
    return new AdminClient(http, systemFiles, `${this.world.folder}/state`);
  }

  /** Resolves once the control plane holds a verified receipt of this state. */
  async receipt(executionId: string, ...states: ExecutionState[]) {
    return await this.until(
      `the receipt ${states.join(" or ")} of ${executionId}`,
      () =>
        this.world.controlPlane.receipts.find(({ payload }) =>
          payload.executionId === executionId && states.includes(payload.state)
        )?.payload,
    );
  }
}
