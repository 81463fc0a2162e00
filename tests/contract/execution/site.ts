/** One case's ground: a namespace, a way to the server that can fail, and the agents that work there. */
import assert from "node:assert/strict";
import { FaultProxy } from "../../../scripts/testbed/fault_proxy.ts";
import { kubeconfig } from "../../../scripts/testbed/services/kubernetes_files.ts";
import { ReceiptFolder } from "../../../src/adapters/receipt_folder.ts";
import { type ExecutionRecord, isOpen } from "../../../src/core/execution.ts";
import { EXECUTION_STATES, type ExecutionState } from "../../../src/core/protocol.ts";
import { createKeySigner } from "../../../src/embedded/signer.ts";
import { systemRuntime } from "../../../src/runtime_deno.ts";
import {
  packageOf,
  type PackageParts,
  payloadOf,
  readAudit,
  recordsOf,
  send,
  Stand,
  type StandGround,
  type StandOptions,
} from "../../fakes/execution_stand.ts";
import { type SkippingClock, skippingClock } from "../../fakes/skipping_clock.ts";
import { type Ground, runCase } from "../kubernetes/target.ts";
import type { MovesShown } from "./moves.ts";
import { autoPolicy } from "./packages.ts";
import type { ExecutionCase, ExecutionTarget } from "./target.ts";

/** Controllers are slow where much is going on. */
const TIMEOUT = "25s";

export const ENDS = EXECUTION_STATES.filter((state) => !isOpen(state));

/** Of a stand: the policy is this, and it runs, unless told otherwise. */
export interface AgentOptions extends StandOptions {
  readonly isIdle?: boolean;
}

export interface Site extends Ground {
  readonly target: ExecutionTarget;
  /** Between the agents and the server; the case itself goes past it. */
  readonly proxy: FaultProxy;
  /** Of every agent. */
  readonly clock: SkippingClock;
  readonly directory: string;
  agent(options?: AgentOptions): Promise<Stand>;
  /** Its bytes once more, where they were sent before. */
  send(agent: Stand, what: PackageParts | Uint8Array): Promise<{ id: string; bytes: Uint8Array }>;
  /** Sent, and at its end. */
  carryOut(agent: Stand, parts: PackageParts): Promise<ExecutionRecord>;
}

/** Once it has ended; throws with the reason where it ended otherwise. */
export async function assertEnds(agent: Stand, id: string, state: ExecutionState): Promise<void> {
  const end = await agent.until(id, ...ENDS);
  assert.equal(end.state, state, end.reason);
}

export async function runExecutionCase(
  target: ExecutionTarget,
  shown: MovesShown,
  act: ExecutionCase,
): Promise<void> {
  await runCase(target, async (ground) => {
    const proxy = await FaultProxy.start(target.url);
    const directory = `./reports/test/${crypto.randomUUID()}`;
    const agents: Stand[] = [];
    try {
      await act(await openSite({ ...ground, target }, proxy, directory, agents));
      await assertReceipted(agents);
    } finally {
      await proxy.heal();
      for (const agent of agents) await agent.kill();
      await proxy.close();
      const directories = new Set(agents.map((agent) => agent.directory));
      for (const one of directories) shown.add(await readAudit(one));
      await Deno.remove(directory, { recursive: true }).catch(() => {});
    }
  });
}

async function openSite(
  ground: Ground & { target: ExecutionTarget },
  proxy: FaultProxy,
  directory: string,
  agents: Stand[],
): Promise<Site> {
  const { admin, caPem } = ground.target;
  const system = systemRuntime();
  const { certPem = "", keyPem = "" } = admin;
  const credentials = admin.token ?? { certPem, keyPem };
  const place: StandGround = {
    directory,
    // Retries come soon.
    runtime: { ...system, random: { ...system.random, fraction: () => 0.1 } },
    kubernetes: { kubeconfig: () => kubeconfig(proxy.url, caPem, credentials) },
    signer: await createKeySigner(),
  };
  const clock = skippingClock();
  const site: Site = {
    ...ground,
    proxy,
    clock,
    directory,
    async agent({ isIdle = false, ...options } = {}) {
      const policy = autoPolicy(ground.namespace);
      const agent = await Stand.open(place, { policy, clock, ...options });
      agents.push(agent);
      return isIdle ? agent : agent.start();
    },
    async send(agent, what) {
      const bytes = what instanceof Uint8Array ? what : packageOf({ timeout: TIMEOUT, ...what });
      return { bytes, ...await send(agent, place, bytes) };
    },
    async carryOut(agent, parts) {
      const { id } = await site.send(agent, parts);
      return await agent.until(id, ...ENDS);
    },
  };
  return site;
}

/** Whatever ended has a receipt that says so; the last agent knows of all. */
async function assertReceipted(agents: readonly Stand[]): Promise<void> {
  const last = agents.at(-1);
  if (!last) return;
  // A killed one's own way to its disk is closed.
  const outboxes = new Set(agents.map(({ directory }) => directory));
  const waiting = await Promise.all(
    [...outboxes].map((directory) =>
      new ReceiptFolder(systemRuntime().files, directory).undelivered()
    ),
  );
  const receipts = waiting.flat().map(payloadOf);
  for (const { id, state } of await recordsOf(last)) {
    if (isOpen(state)) continue;
    assert.ok(
      receipts.some((receipt) => receipt.executionId === id && receipt.state === state),
      `no receipt says that ${id} is ${state}`,
    );
  }
}
