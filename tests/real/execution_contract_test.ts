/** What the pipeline does on an API server, shown on real ones; quotas and webhooks are theirs. */
import { MovesShown } from "../contract/execution/moves.ts";
import { runExecutionCase } from "../contract/execution/site.ts";
import { EXECUTION_CONTRACT } from "../contract/execution/suite.ts";
import type { ExecutionTarget } from "../contract/execution/target.ts";
import { KUBERNETES, type KubernetesPeer, targetOf } from "./kubernetes_peers.ts";
import { addQuota, addWebhook } from "./admission_rules.ts";
import { realTest } from "./peers.ts";

for (const peer of KUBERNETES) {
  realTest(`packages on ${peer}`, [peer], async (context) => {
    const target = await executionTargetOf(peer);
    const shown = new MovesShown();
    for (const [name, act] of Object.entries(EXECUTION_CONTRACT)) {
      await context.step(name, () => runExecutionCase(target, shown, act));
    }
    await context.step("every move of the machine was shown", () => shown.assertComplete());
  });
}

async function executionTargetOf(peer: KubernetesPeer): Promise<ExecutionTarget> {
  return {
    ...await targetOf(peer),
    // The testbed has installed the definition.
    prepareJournal: () => Promise.resolve(),
    limitSecrets: addQuota,
    addWebhook,
  };
}
