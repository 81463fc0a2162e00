/** A package that is interrupted between its first write and its last, and what must come of it. */
import assert from "node:assert/strict";
import { AgentProcess, cli } from "./agent_process.ts";
import { type Ground, writeConfig } from "./ground.ts";
import { pushAccepted, registeredCluster, untilReceipt } from "./orchestrator.ts";
import { configMap, deployment, workPackage } from "./package.ts";
import { trustNewSigner } from "./running_agent.ts";
import { within } from "./waiting.ts";

const LIMIT_MS = 60_000;
const NAMES = ["a", "b", "c"];

export type Trust = Awaited<ReturnType<typeof trustNewSigner>>["trust"];

export interface Interrupted {
  /** Of the execution. */
  readonly id: string;
  readonly trust: Trust;
}

/** @param interrupt what happens to the agent once an object was written; the last one was not */
export async function interruptMidApply(
  ground: Ground,
  interrupt: (agent: AgentProcess, config: string) => Promise<void>,
): Promise<Interrupted> {
  const { faults } = ground.kubernetes.server;
  const { signer, trust } = await trustNewSigner(ground);
  const config = await writeConfig(ground, { trust });
  const agent = AgentProcess.spawn(config);
  try {
    const port = await agent.started();
    const clusterId = await registeredCluster(ground);
    const manifest = [
      ...NAMES.map((name) => configMap(name, { from: "package" })),
      deployment("web", "shop:1"),
    ].join("\n---\n");
    const bytes = workPackage({ clusterId, manifest });
    const id = await pushAccepted(ground, port, bytes, signer.sign(bytes));
    await untilReceipt(ground, id, "pending_approval");
    // Slow enough that the interruption falls between two writes.
    faults.slow(200);
    const written = firstWrite(ground);
    const approved = await cli("executions", "approve", id, "--yes", "--config", config);
    assert.equal(approved.code, 0, approved.stderr);
    await within(LIMIT_MS, "the first write", written);
    await interrupt(agent, config);
    return { id, trust };
  } finally {
    await agent.kill();
    faults.clear();
  }
}

export function assertLastIsMissing({ kubernetes: { store } }: Ground): void {
  const last = store.get("apps/v1", "Deployment", "shop", "web");
  assert.equal(last, null, "the agent was interrupted after it had applied everything");
}

/** Everything is there, written once, with one receipt; and the audit log holds. */
export async function assertEndedOnce(ground: Ground, id: string): Promise<void> {
  const { kubernetes: { store }, controlPlane, stateDir } = ground;
  const receipt = await untilReceipt(ground, id, "succeeded", "failed", "rolled_back");
  assert.equal(receipt.state, "succeeded", receipt.reason);
  for (const name of NAMES) {
    assert.deepEqual(store.get("v1", "ConfigMap", "shop", name)!["data"], { from: "package" });
  }
  // The server counts a spec's changes: this one was written once.
  assert.equal(store.get("apps/v1", "Deployment", "shop", "web")!.metadata["generation"], 1);
  const ends = controlPlane.receipts.filter(({ payload }) =>
    payload.executionId === id && payload.state === "succeeded"
  );
  assert.equal(ends.length, 1);
  const audit = await cli("audit", "verify", `${stateDir}/audit`);
  assert.equal(audit.code, 0, audit.stderr);
}

/** Resolves once an object in `shop` is really written; a dry run writes nothing. */
function firstWrite({ kubernetes }: Ground): Promise<void> {
  return new Promise((resolve) => {
    kubernetes.hooks.admission = ({ options, namespace }) => {
      if (!options.dryRun && namespace === "shop") resolve();
      return null;
    };
  });
}
