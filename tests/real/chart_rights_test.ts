/** The real agent with the rights that the chart gives its pod, and no others: enough, and not more. */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { kubeconfig } from "../../scripts/testbed/services/kubernetes_files.ts";
import type { ConfigInput } from "../../src/config/schema.ts";
import { poll } from "../contract/contract.ts";
import { type ChartPlace, RELEASE, SMALLEST, withChartPlace } from "./chart_cluster.ts";
import type { Ground } from "./ground.ts";
import { kubectl, tryKubectl } from "./kubectl.ts";
import { KUBERNETES, runningOf } from "./kubernetes_peers.ts";
import { pushAccepted, registeredCluster, untilReceipt } from "./orchestrator.ts";
import { configMap, deployment, workPackage } from "./package.ts";
import { realTest } from "./peers.ts";
import { trustNewSigner, withAgent, withGround } from "./running_agent.ts";

const LIMIT_MS = 60_000;
const ALICE = ["--as=alice@example.com", "--as-group=neuralops-approvers"];
const SHOP = { namespaces: ["shop"] };
const VALUES = {
  ...SMALLEST,
  config: {
    ...SMALLEST.config,
    execution: { approvers: [{ name: "alice", kubernetesUser: "alice@example.com" }] },
  },
  policy: {
    allow: [
      {
        ...SHOP,
        name: "new ones",
        kinds: ["v1/ConfigMap", "apps/v1/Deployment"],
        actions: ["apply"],
      },
      { ...SHOP, name: "restarts", kinds: ["apps/v1/StatefulSet"], actions: ["restart"] },
    ],
  },
  approvals: { subjects: [{ kind: "Group", name: "neuralops-approvers" }] },
};

for (const peer of KUBERNETES) {
  const needs = [peer, "helm", "kubectl"];

  realTest(
    `the agent works with exactly the rights of the chart (${peer})`,
    needs,
    (context) =>
      withChartPlace(runningOf(peer), (place) =>
        withGround(async (ground) => {
          await place.release("install", VALUES);
          const { signer, trust } = await trustNewSigner(ground);
          const changes = { ...await asInstalled(place, ground), trust };
          await withAgent(ground, changes, async ({ port }) => {
            const step = (name: string, work: () => Promise<void>) => context.step(name, work);
            const clusterId = await registeredCluster(ground);
            const name = `chart-${crypto.randomUUID().slice(0, 8)}`;
            const pending = async (manifest: string) => {
              const bytes = workPackage({ clusterId, manifest });
              const id = await pushAccepted(ground, port, bytes, signer.sign(bytes));
              await untilReceipt(ground, id, "pending_approval");
              return id;
            };
            await step("it leads, and carries out what a person approved by kubectl", async () => {
              assert.match((await place.get("lease")).spec.holderIdentity, /_rights$/);
              const id = await pending(configMap(name, { a: "1" }));
              await approve(place, id);
              const receipt = await untilReceipt(ground, id, "succeeded", "failed");
              assert.equal(receipt.state, "succeeded", receipt.reason);
            });
            await step("and takes back what it made when it does not become healthy", async () => {
              const id = await pending(
                `${configMap(`${name}-2`, { a: "1" })}\n---\n${broken(name)}`,
              );
              await approve(place, id);
              const receipt = await untilReceipt(ground, id, "rolled_back", "succeeded", "failed");
              assert.equal(receipt.state, "rolled_back", receipt.reason);
              const find = ["-n", "shop", "get", "configmap", `${name}-2`];
              assert.match((await tryKubectl(place.cluster, "admin", ...find)).stderr, /not found/);
            });
            await kubectl(place.cluster, "-n", "shop", "delete", "configmap", name);
          });
        })),
  );

  realTest(
    `the API server refuses the chart's service account all else (${peer})`,
    needs,
    () =>
      withChartPlace(runningOf(peer), async (place) => {
        await place.release("install", VALUES);
        const may = async (...question: string[]) => {
          const user = `--as=system:serviceaccount:${place.namespace}:${RELEASE}`;
          const args = ["auth", "can-i", ...question, user];
          return (await tryKubectl(place.cluster, "admin", ...args)).stdout.trim() === "yes";
        };
        const here = ["-n", place.namespace];
        const allowed = [
          ["patch", "configmaps", "-n", "shop"],
          ["delete", "deployments.apps", "-n", "shop"],
          ["patch", "statefulsets.apps", "-n", "shop"],
          ["get", "namespace/kube-system"],
          ["update", `leases.coordination.k8s.io/${RELEASE}`, ...here],
          ["create", "workpackageexecutions.neuralops.io", ...here],
        ];
        const refused = [
          ["*", "*"],
          ["create", "statefulsets.apps", "-n", "shop"],
          ["delete", "statefulsets.apps", "-n", "shop"],
          ["patch", "deployments.apps", "--subresource=scale", "-n", "shop"],
          ["list", "configmaps", "-n", "shop"],
          ["get", "secrets", "-n", "shop"],
          ["get", "secrets", "-n", "kube-system"],
          ["patch", "configmaps", "-n", "default"],
          ["patch", "configmaps", ...here],
          ["get", "namespace/shop"],
          ["create", "leases.coordination.k8s.io", ...here],
          ["update", "leases.coordination.k8s.io/other", ...here],
          ["delete", `leases.coordination.k8s.io/${RELEASE}`, ...here],
          ["get", "pods", ...here],
          ["patch", "daemonsets.apps", ...here],
          ["update", "workpackageexecutions.neuralops.io", "--subresource=approval", ...here],
          ["create", "rolebindings.rbac.authorization.k8s.io", ...here],
          ["create", "serviceaccounts", "--subresource=token", ...here],
        ];
        for (const question of allowed) assert.ok(await may(...question), question.join(" "));
        for (const question of refused) assert.ok(!await may(...question), question.join(" "));
      }),
  );
}

/** The configuration in the cluster, as the first pod has it: with that pod's own token. */
async function asInstalled(place: ChartPlace, ground: Ground): Promise<Partial<ConfigInput>> {
  const { data } = await place.get("configmap");
  const { kubernetes: { leaderElection, journal }, execution } = parse(data["connector.yaml"]);
  const selector = `app.kubernetes.io/instance=${RELEASE}`;
  const pod = (await place.kubectl("get", "pods", "-l", selector, "-o", "name")).split("\n")[0]!
    .replace("pod/", "");
  const bound = ["--bound-object-kind=Pod", `--bound-object-name=${pod}`];
  const token = (await place.kubectl("create", "token", RELEASE, ...bound)).trim();
  const caPem = await Deno.readTextFile(`${place.cluster.folder}/ca.pem`);
  const user = kubeconfig(place.cluster.url, caPem, token);
  return {
    kubernetes: {
      mode: "kubeconfig",
      kubeconfig: await ground.write("pod.kubeconfig", user),
      leaderElection: { ...leaderElection, identity: `${pod}_rights` },
      journal,
    },
    execution: {
      ...execution,
      policyFile: await ground.write("policy.yaml", data["policy.yaml"]),
    },
  };
}

/** Of an image that is never ready; said to be late after a second. */
function broken(name: string): string {
  const spec = parse(deployment(name, "app:broken", 1));
  return JSON.stringify({ ...spec, spec: { ...spec.spec, progressDeadlineSeconds: 1 } });
}

/** As alice, with kubectl. */
async function approve(place: ChartPlace, id: string): Promise<void> {
  // Until the connector has looked under the guard once, it asks for a decision again.
  await poll("it is approved", LIMIT_MS, async () => {
    const { status } = await place.get("wpx", id);
    if (status.state !== "pending_approval") return true;
    const annotations = [
      `neuralops.io/approve=${status.planDigest}`,
      "neuralops.io/approve-as=alice@example.com",
    ];
    await tryKubectl(
      place.cluster,
      "admin",
      ...["-n", place.namespace, "annotate", "--overwrite", "wpx", id, ...annotations, ...ALICE],
    );
    return false;
  });
}
