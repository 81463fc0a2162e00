/** The network of the nodes: what `ip` makes, and how it goes again. */
import { run } from "../command.ts";
import { BRIDGE, CLUSTERS, HOST_ADDRESS, type NodePlan } from "./plan.ts";

const NODES = CLUSTERS.flatMap(({ nodes }) => nodes);

/** Throws an Error that says which command failed. */
export async function makeNetwork(): Promise<void> {
  await must("ip", "link", "add", "name", BRIDGE, "type", "bridge");
  await must("ip", "link", "set", BRIDGE, "alias", Deno.cwd());
  await must("ip", "addr", "add", `${HOST_ADDRESS}/24`, "dev", BRIDGE);
  for (const { serviceAddress } of CLUSTERS) {
    await must("ip", "addr", "add", `${serviceAddress}/32`, "dev", BRIDGE);
  }
  await must("ip", "link", "set", BRIDGE, "up");
  for (const [index, node] of NODES.entries()) await addNode(index, node);
}

/** The checkout that a network here belongs to; empty when it says none, null when there is no network. */
export async function networkOwner(): Promise<string | null> {
  const { ok, out } = await run("ip", ["-json", "link", "show", "dev", BRIDGE]);
  return ok ? (JSON.parse(out) as { ifalias?: string }[])[0]?.ifalias ?? "" : null;
}

export async function removeNetwork(): Promise<void> {
  // With a namespace its interfaces go, and so the other ends of their cables.
  for (const { namespace } of NODES) await run("ip", ["netns", "delete", namespace]);
  await run("ip", ["link", "delete", BRIDGE]);
}

async function addNode(index: number, node: NodePlan): Promise<void> {
  const { namespace, address, podNetwork } = node;
  const inside = (...args: string[]) => must("ip", "-n", namespace, ...args);
  const cable = `${BRIDGE}-${index}`;
  await must("ip", "netns", "add", namespace);
  await must(
    "ip",
    "link",
    "add",
    cable,
    "type",
    "veth",
    "peer",
    "name",
    "eth0",
    "netns",
    namespace,
  );
  await must("ip", "link", "set", cable, "master", BRIDGE, "up");
  await inside("link", "set", "lo", "up");
  await inside("addr", "add", `${address}/24`, "dev", "eth0");
  await inside("link", "set", "eth0", "up");
  await inside("route", "add", "default", "via", HOST_ADDRESS);
  for (const other of NODES) {
    if (other !== node) await inside("route", "add", other.podNetwork, "via", other.address);
  }
  await must("ip", "route", "add", podNetwork, "via", address);
  const forward = "echo 1 >/proc/sys/net/ipv4/ip_forward";
  await must("nsenter", `--net=/run/netns/${namespace}`, "sh", "-c", forward);
}

async function must(program: string, ...args: string[]): Promise<void> {
  const { ok, problem } = await run(program, args);
  if (!ok) throw new Error(`${program} ${args.join(" ")}: ${problem}`);
}
