/** The chart's DaemonSet on the real nodes of the testbed, with peers in this process that its pods reach. */
import assert from "node:assert/strict";
import { FaultProxy } from "../../scripts/testbed/fault_proxy.ts";
import { NODE_LABEL } from "../../scripts/testbed/nodes/plan.ts";
import type { RunningNode } from "../../scripts/testbed/nodes/node.ts";
import { print } from "../../scripts/testbed/print.ts";
import type { RunningKubernetes } from "../../scripts/testbed/services/kubernetes.ts";
import { sha256Hex } from "../../src/core/encoding.ts";
import { createKeySigner, type KeySigner } from "../../src/embedded/signer.ts";
import { withFile } from "./chart.ts";
import { type ChartPlace, RELEASE, SMALLEST, withChartPlace } from "./chart_cluster.ts";
import type { Ground } from "./ground.ts";
import { imageOf } from "./image.ts";
import { kubectl } from "./kubectl.ts";
import { type KubernetesPeer, runningOf } from "./kubernetes_peers.ts";
import { registeredCluster, sendCommand } from "./orchestrator.ts";
import { workPackage } from "./package.ts";
import { CONFIG_FOLDER } from "./packed_config.ts";
import { testbed } from "./peers.ts";
import { withGround } from "./running_agent.ts";
import type { Execution } from "./shared_journal.ts";

const CA_FILE = `${CONFIG_FOLDER}/ca.pem`;
const SELECTOR = "--selector=app.kubernetes.io/name=neuralops-connector";
const [repository, tag] = imageOf("compiled").name.split(":");
const VALUES = {
  image: { repository, tag, pullPolicy: "Never" },
  nodeSelector: { [NODE_LABEL]: "real" },
  tolerations: [{ key: NODE_LABEL, operator: "Exists" }],
  leaderElection: { leaseDuration: "5s", renewDeadline: "4s", retryPeriod: "1s" },
  listener: SMALLEST.listener,
  policy: {
    mode: "auto",
    auto: { maxRisk: "low", namespaces: ["shop"], actions: ["apply"] },
    allow: [{
      name: "shop",
      namespaces: ["shop"],
      kinds: ["apps/v1/Deployment", "v1/ConfigMap"],
      actions: ["apply"],
    }],
  },
};

export interface FleetPod {
  readonly name: string;
  readonly node: RunningNode;
  /** `containerd://…` */
  readonly container: string;
}

export class Fleet {
  constructor(
    readonly nodes: readonly RunningNode[],
    readonly ground: Ground,
    readonly place: ChartPlace,
    private readonly signer: KeySigner,
    private readonly config: unknown,
  ) {}

  /** Returns when all pods are ready. */
  async install(): Promise<void> {
    await this.place.release("install", {
      ...VALUES,
      files: { "ca.pem": this.ground.pki.caPem, "release.pub": this.signer.publicKeyPem },
      config: this.config,
    });
  }

  /** Those that run and are not told to end. */
  async pods(): Promise<FleetPod[]> {
    const { items } = await this.place.get("pods", SELECTOR);
    // deno-lint-ignore no-explicit-any
    return items.map(({ metadata, spec, status }: any) => ({
      isUp: !metadata.deletionTimestamp && status.phase === "Running",
      name: metadata.name,
      node: this.nodes.find(({ name }) => name === spec.nodeName),
      container: status.containerStatuses?.[0].containerID,
    })).filter(({ isUp }: { isUp: boolean }) => isUp);
  }

  /** The pod whose name is in the Lease. */
  async leader(): Promise<FleetPod> {
    const { spec: { holderIdentity } } = await this.place.get("lease");
    const leader = (await this.pods()).find(({ name }) => holderIdentity?.split("_")[0] === name);
    assert.ok(leader, `${holderIdentity} is none of the pods`);
    return leader;
  }

  /** Hands a signed package to whoever leads; its digest. */
  async send(manifest: string): Promise<string> {
    const clusterId = await registeredCluster(this.ground);
    // However slow the machine: a takeover must not meet the deadline.
    const bytes = workPackage({ clusterId, manifest, timeout: "5m" });
    sendCommand(this.ground, bytes, this.signer.sign(bytes));
    return `sha256:${sha256Hex(bytes)}`;
  }

  /** What the journal holds of a package. */
  async execution(digest: string): Promise<Execution | undefined> {
    const { items } = JSON.parse(await this.place.kubectl("get", "wpx", "-o", "json"));
    return (items as (Execution & { spec: { digest: string } })[])
      .find(({ spec }) => spec.digest === digest);
  }

  async logs(): Promise<string> {
    return await this.place.kubectl("logs", SELECTOR, "--prefix", "--tail=20").catch(String);
  }
}

/** Not installed yet. What the pods said is printed when `work` returns false. */
export async function withFleet(
  peer: KubernetesPeer,
  work: (fleet: Fleet) => Promise<boolean>,
): Promise<void> {
  const cluster = runningOf(peer);
  const { hostAddress: host, nodes } =
    (peer === "Kubernetes" ? testbed.nodes : testbed.oldestNodes)!;
  const reviewServiceAccount = (jwt: string) => reviewToken(cluster, jwt);
  await withGround(async (ground) => {
    await using vault = await FaultProxy.start(ground.vault.url, { host });
    await using controlPlane = await FaultProxy.start(ground.controlPlane.url, { host });
    ground.controlPlane.advertise(controlPlane.url);
    await withChartPlace(cluster, async (place) => {
      const fleet = new Fleet(nodes, ground, place, await createKeySigner(), {
        clusterName: "real-1",
        controlPlane: { url: controlPlane.url, caFile: CA_FILE },
        vault: { address: vault.url, caFile: CA_FILE },
        trust: { signers: [{ name: "release", keyFile: `${CONFIG_FOLDER}/release.pub` }] },
        commands: { enabled: true },
      });
      if (!await work(fleet)) print(await fleet.logs());
    });
  }, { addresses: [host], reviewServiceAccount });
}

/** As Vault's `auth/kubernetes` does it: the token of a pod, made for Vault, of the connector's account. */
async function reviewToken(cluster: RunningKubernetes, jwt: string): Promise<boolean> {
  const review = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenReview",
    spec: { token: jwt, audiences: ["vault"] },
  };
  const answer = await withFile(
    "review.json",
    JSON.stringify(review),
    (path) => kubectl(cluster, "create", "-f", path, "-o", "json"),
  );
  const { authenticated, user } = JSON.parse(answer).status;
  return authenticated === true && user.username.endsWith(`:${RELEASE}`);
}
