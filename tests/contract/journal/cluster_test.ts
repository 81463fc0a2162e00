/** What the contract says of a journal, asked of the one in a cluster, on the embedded API server. */
import { withCluster } from "../../fakes/kubernetes_cluster.ts";
import { installDefinition, NAMESPACE } from "../../fakes/kubernetes_journal.ts";
import { openClusterTarget } from "./cluster_target.ts";
import { JOURNAL_CONTRACT } from "./suite.ts";

for (const { name, run } of JOURNAL_CONTRACT) {
  Deno.test(`cluster ${name}`, () =>
    withCluster(async ({ api, kubernetes }) => {
      await installDefinition(kubernetes);
      await using target = await openClusterTarget(api, NAMESPACE, () => Promise.resolve());
      await run(target);
    }));
}
