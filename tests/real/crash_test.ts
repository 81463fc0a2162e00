/** kill -9 in the middle of applying: the next process ends what the first began, once. */
import { assertEndedOnce, assertLastIsMissing, interruptMidApply } from "./mid_apply.ts";
import { withAgent, withGround } from "./running_agent.ts";

Deno.test("agent killed in mid-apply ends the package exactly once after its restart", () =>
  withGround(async (ground) => {
    const { id, trust } = await interruptMidApply(ground, (agent) => agent.kill());
    assertLastIsMissing(ground);
    await withAgent(ground, { trust }, async () => {
      await assertEndedOnce(ground, id);
    });
  }));
