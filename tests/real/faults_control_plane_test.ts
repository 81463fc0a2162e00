/** The control plane behind faults: beats come back, commands come through, no receipt is lost. */
import assert from "node:assert/strict";
import { FaultProxy } from "../../scripts/testbed/fault_proxy.ts";
import { encodeBase64 } from "../../src/core/encoding.ts";
import { type AgentProcess, cli } from "./agent_process.ts";
import type { Ground } from "./ground.ts";
import { registeredCluster, untilReceipt } from "./orchestrator.ts";
import { configMap, workPackage } from "./package.ts";
import { trustNewSigner, withAgent, withGround } from "./running_agent.ts";
import { within } from "./waiting.ts";

const LIMIT_MS = 30_000;

Deno.test("agent works on through a control plane that hangs, resets and refuses", () =>
  withGround(async (ground) => {
    const { controlPlane, pki } = ground;
    await using proxy = await FaultProxy.start(controlPlane.url);
    controlPlane.advertise(proxy.url);
    const { signer, trust } = await trustNewSigner(ground);
    const caFile = await ground.write("ca.pem", pki.caPem);
    const changes = { trust, controlPlane: { url: proxy.url, caFile, timeout: "1s" } };
    await withAgent(ground, changes, async ({ agent, config }) => {
      const clusterId = await registeredCluster(ground);
      await within(LIMIT_MS, "the command stream", proxy.until(() => proxy.open > 0));

      // Half-open: beats time out, and a command waits on the other side.
      await hang(agent, proxy);
      const manifest = configMap("through", { from: "package" });
      const payload = workPackage({ clusterId, manifest });
      controlPlane.enqueueCommand({
        type: "execute",
        data: { payload: encodeBase64(payload), bundle: signer.sign(payload) },
      });
      assert.equal(controlPlane.receipts.length, 0);
      await comeBack(ground, proxy);
      const id = await pendingExecution(ground);

      // It ends while nothing can be said about it.
      await hang(agent, proxy);
      const approved = await cli("executions", "approve", id, "--yes", "--config", config);
      assert.equal(approved.code, 0, approved.stderr);
      await agent.untilEvent("receipts_delayed");
      assert.ok(!controlPlane.receipts.some(({ payload }) => payload.state === "succeeded"));
      await comeBack(ground, proxy);
      await untilReceipt(ground, id, "succeeded");

      // Refused: nothing is there at all.
      proxy.refuse();
      proxy.reset();
      await agent.untilEvent("heartbeat_failed", ({ reason }) => /refused/i.test(String(reason)));
      await proxy.accept();
      await beats(ground, 2);
    });
    const states = new Set(controlPlane.receipts.map(({ payload }) => payload.state));
    assert.ok(states.has("pending_approval") && states.has("succeeded"), [...states].join(", "));
    const made = ground.kubernetes.store.get("v1", "ConfigMap", "shop", "through");
    assert.deepEqual(made?.["data"], { from: "package" });
  }));

/** Nothing goes through until beats are known to fail. */
async function hang(agent: AgentProcess, proxy: FaultProxy): Promise<void> {
  const seen = agent.lines.length;
  proxy.stall();
  await agent.untilEvent(
    "heartbeat_failed",
    ({ reason }) => agent.lines.length > seen && /in time/.test(String(reason)),
  );
}

/** As when a firewall has forgotten what was open. */
async function comeBack(ground: Ground, proxy: FaultProxy): Promise<void> {
  proxy.reset();
  await proxy.heal();
  await beats(ground, 2);
}

async function beats({ controlPlane }: Ground, count: number): Promise<void> {
  const enough = controlPlane.heartbeats.length + count;
  const enoughCame = controlPlane.until(() => controlPlane.heartbeats.length >= enough);
  await within(LIMIT_MS, `${count} heartbeats`, enoughCame);
}

async function pendingExecution({ controlPlane }: Ground): Promise<string> {
  const find = () =>
    controlPlane.receipts.find(({ payload }) => payload.state === "pending_approval");
  await within(LIMIT_MS, "a receipt", controlPlane.until(() => find() !== undefined));
  return find()!.payload.executionId;
}
