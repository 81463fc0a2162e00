/**
 * The image, by the chart, on real nodes: kubelet, containerd and runc start it, probe it and end it. One
 * of the pods leads; when it is killed in the middle of a change, another one ends what it began.
 */
import assert from "node:assert/strict";
import { print } from "../../scripts/testbed/print.ts";
import { poll } from "../contract/contract.ts";
import { RELEASE } from "./chart_cluster.ts";
import { type Fleet, withFleet } from "./fleet.ts";
import { imageOf, imageTest } from "./image.ts";
import { kubectl } from "./kubectl.ts";
import { KUBERNETES } from "./kubernetes_peers.ts";
import { importImage, killContainer, statusOf } from "./node_runtime.ts";
import { untilReceipt } from "./orchestrator.ts";
import { configMap, deployment } from "./package.ts";

const LIMIT_MS = 60_000;
const NAME = "on-real-nodes";
const NOTHING = "0000000000000000";

const STORY: Readonly<Record<string, (fleet: Fleet) => Promise<void>>> = {
  async "has a ready pod on each node"(fleet) {
    for (const node of fleet.nodes) await importImage(node, imageOf("compiled").archive);
    await fleet.install();
    const names = (await fleet.pods()).map(({ node }) => node.name);
    assert.deepEqual(names.sort(), fleet.nodes.map(({ name }) => name));
  },

  async "runs as nobody, and may nothing"(fleet) {
    for (const { node, container } of await fleet.pods()) {
      const status = await statusOf(node, container);
      const fields = ["Uid", "Gid", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp"];
      const values = fields.map((name) => status.get(name)?.split("\t")[0]);
      assert.deepEqual(values, ["65532", "65532", NOTHING, NOTHING, "1", "2"]);
      print(`resident memory on ${node.name}: ${status.get("VmRSS")}`);
    }
  },

  async "has one leader, which carries out a package"(fleet) {
    const digest = await fleet.send(configMap(NAME, { from: "package" }));
    await untilState(fleet, digest, "succeeded");
    const { leader } = (await fleet.execution(digest))!;
    assert.equal(leader.split("_")[0], (await fleet.leader()).name);
    const { data } = JSON.parse(await shop(fleet, "get", "configmap", NAME, "-o", "json"));
    assert.deepEqual(data, { from: "package" });
  },

  async "has the next one end what a killed leader began"(fleet) {
    const digest = await fleet.send(deployment(NAME, "app:broken", 1));
    await untilState(fleet, digest, "applying");
    const { name, node, container } = await fleet.leader();
    await killContainer(node, container);
    await fleet.place.kubectl("delete", "pod", name, "--force", "--grace-period=0");
    const hasNext = async () => !(await fleet.execution(digest))!.leader.startsWith(name);
    await poll("another one has it", LIMIT_MS, hasNext);
    await shop(fleet, "set", "image", `deployment/${NAME}`, "app=app:1");
    const { metadata } = (await fleet.execution(digest))!;
    const ends = ["succeeded", "failed", "rolled_back"] as const;
    const receipt = await untilReceipt(fleet.ground, metadata.name, ...ends);
    assert.equal(receipt.state, "succeeded", receipt.reason);
  },

  async "has a new one in the place of the killed one"(fleet) {
    await fleet.place.kubectl("rollout", "status", `daemonset/${RELEASE}`, "--timeout=45s");
    assert.equal((await fleet.pods()).length, fleet.nodes.length);
  },
};

for (const [peer, nodes] of [[KUBERNETES[0], "Nodes"], [KUBERNETES[1], "Nodes, oldest"]] as const) {
  const needs = [peer, nodes, "helm", "kubectl"];
  imageTest(
    `a DaemonSet of the image on real nodes (${peer})`,
    "compiled",
    needs,
    (context) =>
      withFleet(peer, async (fleet) => {
        try {
          for (const [name, act] of Object.entries(STORY)) {
            if (!await context.step(name, () => act(fleet))) return false;
          }
          return true;
        } finally {
          await shop(fleet, "delete", "configmap,deployment", NAME, "--ignore-not-found");
        }
      }),
  );
}

async function untilState(fleet: Fleet, digest: string, state: string): Promise<void> {
  await poll(
    state,
    LIMIT_MS,
    async () => (await fleet.execution(digest))?.status.state === state,
  );
}

async function shop({ place }: Fleet, ...args: string[]): Promise<string> {
  return await kubectl(place.cluster, "-n", "shop", ...args);
}
