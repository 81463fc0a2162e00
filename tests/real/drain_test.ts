/** SIGTERM and SIGHUP in the middle of applying: a good end, and what was under way ends once. */
import assert from "node:assert/strict";
import { writeConfig } from "./ground.ts";
import { assertEndedOnce, assertLastIsMissing, interruptMidApply } from "./mid_apply.ts";
import { withAgent, withGround } from "./running_agent.ts";

/** A quarter of TimeoutStopSec in the unit. */
const STOP_LIMIT_MS = 15_000;

Deno.test("agent asked to stop in mid-apply ends in good order, and the next goes on, exactly once", () =>
  withGround(async (ground) => {
    const { id, trust } = await interruptMidApply(ground, async (agent) => {
      const askedAtMs = performance.now();
      assert.equal(await agent.stop(), 0);
      assert.ok(performance.now() - askedAtMs < STOP_LIMIT_MS);
      assert.ok(agent.lines.some((line) => line.includes('"agent_stopped"')));
    });
    assertLastIsMissing(ground);
    await withAgent(ground, { trust }, async () => {
      await assertEndedOnce(ground, id);
    });
  }));

Deno.test("agent that reloads in mid-apply goes on in the same process, exactly once", () =>
  withGround(async (ground) => {
    await interruptMidApply(ground, async (agent) => {
      agent.hangUp();
      let starts = 0;
      await agent.untilEvent("agent_started", () => ++starts === 2);
      ground.kubernetes.server.faults.clear();
      const id = ground.controlPlane.receipts.at(-1)!.payload.executionId!;
      await assertEndedOnce(ground, id);
      assert.equal(await agent.stop(), 0);
    });
  }));

Deno.test("agent refuses a bad configuration on SIGHUP, and takes the next good one", () =>
  withGround(async (ground) => {
    await withAgent(ground, {}, async ({ agent, config }) => {
      await ground.write("connector.yaml", "clusterName: X");
      agent.hangUp();
      const { reason } = await agent.untilEvent("reload_refused");
      assert.match(String(reason), /config_invalid: .*\n {2}clusterName: must be a DNS label/);
      assert.ok(!agent.lines.some((line) => line.includes('"agent_stopped"')));
      assert.equal(await writeConfig(ground), config);
      agent.hangUp();
      let starts = 0;
      await agent.untilEvent("agent_started", () => ++starts === 2);
    });
  }));
