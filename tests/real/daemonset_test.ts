/**
 * The image, by the chart, on real nodes: kubelet, containerd and runc start it, probe it and end it. One
 * of the pods leads; when it is killed in the middle of a change, another one ends what it began.
 */
import assert from "node:assert/strict";
import { poll } from "../contract/contract.ts";
import { RELEASE } from "./chart_cluster.ts";
import { withFleet } from "./fleet.ts";
import { ARCHIVE, imageTest } from "./image.ts";
import { kubectl } from "./kubectl.ts";
import { importImage, killContainer, statusOf } from "./node_runtime.ts";
import { untilReceipt } from "./orchestrator.ts";
import { configMap, deployment } from "./package.ts";
import { testbed } from "./peers.ts";

const LIMIT_MS = 60_000;
const NAME = "on-real-nodes";
const NOTHING = "0000000000000000";

imageTest(
  "a DaemonSet of the image on real nodes",
  ["Node", "helm", "kubectl"],
  async (context) => {
    const { nodes } = testbed.nodes!;
    const shop = (...args: string[]) => kubectl(testbed.oldestKubernetes!, "-n", "shop", ...args);
    for (const node of nodes) await importImage(node, ARCHIVE);

    await withFleet(async (fleet) => {
      const steps: Record<string, () => Promise<void>> = {
        async "has a ready pod on each node"() {
          await fleet.install();
          const names = (await fleet.pods()).map(({ node }) => node.name);
          assert.deepEqual(names.sort(), nodes.map(({ name }) => name));
        },
        async "runs as nobody, and may nothing"() {
          for (const { node, container } of await fleet.pods()) {
            const status = await statusOf(node, container);
            const fields = ["Uid", "Gid", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp"];
            const values = fields.map((name) => status.get(name)?.split("\t")[0]);
            assert.deepEqual(values, ["65532", "65532", NOTHING, NOTHING, "1", "2"]);
          }
        },
        async "has one leader, which carries out a package"() {
          const digest = await fleet.send(configMap(NAME, { from: "package" }));
          await poll(
            "the package is carried out",
            LIMIT_MS,
            async () => (await fleet.execution(digest))?.status.state === "succeeded",
          );
          const { leader } = (await fleet.execution(digest))!;
          assert.equal(leader.split("_")[0], (await fleet.leader()).name);
          const { data } = JSON.parse(await shop("get", "configmap", NAME, "-o", "json"));
          assert.deepEqual(data, { from: "package" });
        },
        async "has the next one end what a killed leader began"() {
          const digest = await fleet.send(deployment(NAME, "app:broken", 1));
          await poll(
            "the change has begun",
            LIMIT_MS,
            async () => (await fleet.execution(digest))?.status.state === "applying",
          );
          const { name, node, container } = await fleet.leader();
          await killContainer(node, container);
          await fleet.place.kubectl("delete", "pod", name, "--force", "--grace-period=0");
          await poll(
            "another one has it",
            LIMIT_MS,
            async () => !(await fleet.execution(digest))!.leader.startsWith(name),
          );
          await shop("set", "image", `deployment/${NAME}`, "app=app:1");
          const { metadata } = (await fleet.execution(digest))!;
          const ends = ["succeeded", "failed", "rolled_back"] as const;
          const receipt = await untilReceipt(fleet.ground, metadata.name, ...ends);
          assert.equal(receipt.state, "succeeded", receipt.reason);
        },
        async "has a new one in the place of the killed one"() {
          await fleet.place.kubectl("rollout", "status", `daemonset/${RELEASE}`, "--timeout=45s");
          assert.equal((await fleet.pods()).length, nodes.length);
        },
      };
      try {
        for (const [name, work] of Object.entries(steps)) {
          if (!await context.step(name, work)) {
            return false;
          }
        }
        return true;
      } finally {
        await shop("delete", "configmap,deployment", NAME, "--ignore-not-found");
      }
    });
  },
);
