/** What a leader leaves half done, when it is killed or paused on a real API server, the next one ends. */
import assert from "node:assert/strict";
import type { RunningKubernetes } from "../../scripts/testbed/services/kubernetes.ts";
import { NAMESPACE } from "../../scripts/testbed/services/kubernetes_setup.ts";
import { poll } from "../contract/contract.ts";
import { kubectl } from "./kubectl.ts";
import { push, pushAccepted, registeredCluster, untilReceipt } from "./orchestrator.ts";
import { deployment, workPackage } from "./package.ts";
import { realTest, testbed } from "./peers.ts";
import { LEASE, Rival } from "./rival.ts";
import { trustNewSigner, withGround } from "./running_agent.ts";
import { clearJournal, readExecutions } from "./shared_journal.ts";

const LIMIT_MS = 60_000;
const NAME = "taken-over";
const POLICY = `apiVersion: neuralops.io/v1
kind: ExecutionPolicy
mode: auto
auto: { maxRisk: low, namespaces: [shop], actions: [apply] }
allow:
  - { name: shop, namespaces: [shop], kinds: [apps/v1/Deployment], actions: [apply] }
`;
const mend = (cluster: RunningKubernetes) =>
  kubectl(cluster, "-n", "shop", "set", "image", `deployment/${NAME}`, "app=app:1");

const STORIES = {
  "is killed in mid-change, the next one finishes it": {
    leave: (leader: Rival) => leader.kill(),
    comeBack: (leader: Rival) => leader.restart(),
    mend,
    end: "succeeded",
  },
  "is killed in mid-change, the next one takes it back when it does not come good": {
    leave: (leader: Rival) => leader.kill(),
    comeBack: (leader: Rival) => leader.restart(),
    mend: () => Promise.resolve(""),
    end: "rolled_back",
  },
  "is paused in mid-change, the next one finishes it and the one that wakes changes nothing": {
    leave: (leader: Rival) => Promise.resolve(leader.pause()),
    comeBack: (leader: Rival) => leader.resume(),
    mend,
    end: "succeeded",
  },
} as const;

for (const [story, { leave, comeBack, mend, end }] of Object.entries(STORIES)) {
  realTest(`when a leader ${story}`, ["Kubernetes", "kubectl"], () =>
    withGround(async (ground) => {
      const cluster = testbed.kubernetes!;
      await clearJournal(cluster);
      const { signer, trust } = await trustNewSigner(ground);
      const execution = { policyFile: await ground.write("auto.yaml", POLICY) };
      const start = (name: string) => Rival.start(ground, cluster, name, { trust, execution });
      const rivals = [await start("connector-a")];
      try {
        const [a] = rivals as [Rival];
        const clusterId = await registeredCluster(ground);
        const manifest = deployment(NAME, "app:broken", 1);
        const bytes = workPackage({ clusterId, manifest });
        const bundle = signer.sign(bytes);
        const port = await a.started();
        await poll("a takes packages", LIMIT_MS, async () =>
          (await push(ground, port, bytes, bundle)).status === 202);
        const id = await pushAccepted(ground, port, bytes, bundle);
        await poll("the change has begun", LIMIT_MS, async () => {
          const { stdout } = await tryGet(cluster);
          return stdout.includes(NAME) && await stateOf(cluster, id) === "applying";
        });
        const b = await start("connector-b");
        rivals.push(b);
        const portOfB = await b.started();
        await leave(a);
        await poll("b has the execution", LIMIT_MS, async () =>
          (await readExecutions(cluster)).some(({ leader }) =>
            leader === "connector-b_1"
          ));
        await mend(cluster);
        const receipt = await untilReceipt(ground, id, "succeeded", "failed", "rolled_back");
        assert.equal(receipt.state, end, receipt.reason);
        await poll("it is settled", LIMIT_MS, async () =>
          (await kubectl(cluster, "-n", NAMESPACE, "get", "wpx", "-l", "neuralops.io/open=true"))
            .trim() === "");
        const table = await kubectl(cluster, "-n", NAMESPACE, "get", "wpx");
        assert.match(
          table,
          new RegExp(
            "^NAME +PACKAGE +STREAM +SEQ +STATE +RISK +AGE\\n" +
              `${id} +real-\\d+ +real +\\d+ +${end} +low +\\d`,
          ),
        );
        const [ended] = await readExecutions(cluster);
        const generation = async () =>
          (await tryGet(cluster)).stdout;
        const before = await generation();
        comeBack(a);
        await a.untilStandsBy();
        const again = await push(ground, portOfB, bytes, bundle);
        assert.deepEqual([again.status, again.body["code"], again.body["state"]], [
          409,
          "replayed",
          end,
        ]);
        assert.deepEqual(await readExecutions(cluster), [ended], "nobody wrote it since");
        assert.equal(await generation(), before, "nor what it changed");
      } finally {
        for (const rival of rivals) {
          rival.resume();
          await rival.kill();
        }
        await kubectl(cluster, "delete", "lease", "-n", LEASE.namespace, LEASE.name);
        await kubectl(cluster, "delete", "deployment", "-n", "shop", NAME, "--ignore-not-found");
        await clearJournal(cluster);
      }
    }));
}

async function stateOf(cluster: RunningKubernetes, id: string): Promise<string | undefined> {
  const executions = await readExecutions(cluster);
  return executions.find(({ metadata }) => metadata.name === id)?.status.state;
}

/** Name and generation of the Deployment; nothing when there is none. */
async function tryGet(cluster: RunningKubernetes): Promise<{ stdout: string }> {
  const args = ["-n", "shop", "get", "deployment", NAME, "--ignore-not-found"];
  const columns = "custom-columns=:metadata.name,:metadata.generation";
  return { stdout: await kubectl(cluster, ...args, "-o", columns) };
}
