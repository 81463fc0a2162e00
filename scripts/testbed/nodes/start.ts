/** The real nodes of a control plane on loopback: their network, the way to its API server, and themselves. */
import { run } from "../command.ts";
import { containerPrograms } from "../programs/containers.ts";
import type { RunningKubernetes } from "../services/kubernetes.ts";
import type { Service } from "../services/service.ts";
import { makeNetwork, networkOwner } from "./network.ts";
import { type RunningNode, startNode } from "./node.ts";
import { HOST_ADDRESS, NODES, SERVICE_ADDRESS, SERVICE_PORT } from "./plan.ts";
import { writePauseImage } from "./pause_image.ts";

const RELAY = "scripts/testbed/nodes/relay.ts";

export interface RunningNodes {
  /** This machine, as the nodes call it. */
  readonly hostAddress: string;
  /** The folder of the control plane that they belong to. */
  readonly cluster: string;
  readonly nodes: readonly RunningNode[];
  /** For the table. */
  readonly url: string;
}

/** null when they can be had. */
export async function whyNoNodes(cluster: RunningKubernetes | null): Promise<string | null> {
  if (cluster === null) return "there is no control plane for it";
  if ((await run("id", ["-u"])).out !== "0") return "takes root";
  if (Deno.cwd().startsWith("/var/")) {
    return "a node has a /var of its own: put the checkout elsewhere";
  }
  const owner = await networkOwner();
  if (owner !== null) return `${owner} has nodes up: deno task testbed down there`;
  return null;
}

export async function startNodes(
  service: Service,
  { url, folder }: RunningKubernetes,
  kubelet: string,
): Promise<RunningNodes> {
  await makeNetwork();
  service.start({
    name: "relay",
    program: Deno.execPath(),
    args: [
      ...["run", "--quiet", "--no-prompt", "--no-config", "--allow-net", RELAY],
      ...[SERVICE_ADDRESS, String(SERVICE_PORT), url],
    ],
  });
  const pauseImage = await writePauseImage(service.folder, containerPrograms().pause);
  const nodes = await Promise.all(
    NODES.map((plan) => startNode(service, plan, kubelet, pauseImage)),
  );
  return {
    hostAddress: HOST_ADDRESS,
    cluster: folder,
    nodes,
    url: nodes.map(({ address }) => address).join(" "),
  };
}
