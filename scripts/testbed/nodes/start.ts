/** The real nodes of a control plane on loopback: the way to its API server, and themselves. */
import { run } from "../command.ts";
import { programsWith } from "../programs/containerd.ts";
import type { RunningKubernetes } from "../services/kubernetes.ts";
import type { Service } from "../services/service.ts";
import { networkOwner } from "./network.ts";
import { type NodeParts, type RunningNode, startNode } from "./node.ts";
import { writePauseImage } from "./pause_image.ts";
import { type ClusterPlan, HOST_ADDRESS, SERVICE_PORT } from "./plan.ts";

const RELAY = "scripts/testbed/nodes/relay.ts";

export interface RunningNodes {
  /** This machine, as the nodes call it. */
  readonly hostAddress: string;
  readonly nodes: readonly RunningNode[];
  /** For the table. */
  readonly url: string;
}

/** null when they can be had. */
export async function whyNoNodes(): Promise<string | null> {
  if ((await run("id", ["-u"])).out !== "0") return "takes root";
  if (Deno.cwd().startsWith("/var/")) {
    return "a node has a /var of its own: put the checkout elsewhere";
  }
  const owner = await networkOwner();
  return owner === null ? null : `${owner} has nodes up: deno task testbed down there`;
}

export async function startNodes(
  service: Service,
  plan: ClusterPlan,
  { url }: RunningKubernetes,
  programs: Pick<NodeParts, "containerd" | "kubelet" | "kubeletSettings">,
): Promise<RunningNodes> {
  service.start({
    name: "relay",
    program: Deno.execPath(),
    args: [
      ...["run", "--quiet", "--no-prompt", "--no-config", "--allow-net", RELAY],
      ...[plan.serviceAddress, String(SERVICE_PORT), url],
    ],
  });
  const others = programsWith(programs.containerd);
  const parts: NodeParts = {
    ...others,
    ...programs,
    pauseImage: await writePauseImage(service.folder, others.pause),
    url: `https://${plan.serviceAddress}:${SERVICE_PORT}`,
  };
  const nodes = await Promise.all(plan.nodes.map((node) => startNode(service, node, parts)));
  return {
    hostAddress: HOST_ADDRESS,
    nodes,
    url: nodes.map(({ address }) => address).join(" "),
  };
}
