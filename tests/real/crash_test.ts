/** kill -9 in the middle of applying: the next process ends what the first began, once. */
import assert from "node:assert/strict";
import { AgentProcess, cli } from "./agent_process.ts";
import { type Ground, writeConfig } from "./ground.ts";
import { pushAccepted, registeredCluster, untilReceipt } from "./orchestrator.ts";
import { configMap, deployment, workPackage } from "./package.ts";
import { trustNewSigner, withAgent, withGround } from "./running_agent.ts";
import { within } from "./waiting.ts";

const LIMIT_MS = 60_000;
const NAMES = ["a", "b", "c"];

Deno.test("agent killed in mid-apply ends the package exactly once after its restart", () =>
  withGround(async (ground) => {
    const { kubernetes: { store }, controlPlane } = ground;
    const { signer, trust } = await trustNewSigner(ground);
    const id = await killInMidApply(ground, trust, signer.sign);
    const findLast = () => store.get("apps/v1", "Deployment", "shop", "web");
    assert.equal(findLast(), null, "the agent was killed after it had applied everything");

    await withAgent(ground, { trust }, async () => {
      const receipt = await untilReceipt(ground, id, "succeeded", "failed", "rolled_back");
      assert.equal(receipt.state, "succeeded", receipt.reason);
    });
    for (const name of NAMES) {
      const found = store.get("v1", "ConfigMap", "shop", name)!;
      assert.deepEqual(found["data"], { from: "package" });
    }
    // The server counts a spec's changes: this one was written once.
    assert.equal(findLast()!.metadata["generation"], 1);
    const ends = controlPlane.receipts.filter(({ payload }) =>
      payload.executionId === id && payload.state === "succeeded"
    );
    assert.equal(ends.length, 1);
    const audit = await cli("audit", "verify", `${ground.stateDir}/audit`);
    assert.equal(audit.code, 0, audit.stderr);
  }));

type Trust = Awaited<ReturnType<typeof trustNewSigner>>["trust"];

/** Leaves a package of which some objects were written and the last was not; returns its id. */
async function killInMidApply(
  ground: Ground,
  trust: Trust,
  sign: (bytes: Uint8Array) => unknown,
): Promise<string> {
  const { faults } = ground.kubernetes.server;
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
    const id = await pushAccepted(ground, port, bytes, sign(bytes));
    await untilReceipt(ground, id, "pending_approval");
    // Slow enough that the kill falls between two writes.
    faults.slow(200);
    const written = firstWrite(ground);
    const approved = await cli("executions", "approve", id, "--yes", "--config", config);
    assert.equal(approved.code, 0, approved.stderr);
    await within(LIMIT_MS, "the first write", written);
    return id;
  } finally {
    await agent.kill();
    faults.clear();
  }
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
