/** The runtime of a real node, past the kubelet: what an administrator would do on the machine itself. */
import type { RunningNode } from "../../scripts/testbed/nodes/node.ts";
import { runToEnd } from "./process.ts";

/** Puts an image on the node, as no registry is there to pull it from. */
export async function importImage(node: RunningNode, archive: string): Promise<void> {
  await ctr(node, "images", "import", archive);
}

/** kill -9 of a container's process. @param id as the pod's status has it, `containerd://…` */
export async function killContainer(node: RunningNode, id: string): Promise<void> {
  await ctr(node, "tasks", "kill", "--signal", "SIGKILL", idOf(id));
}

/** Fields of /proc/PID/status of a container's first process, by name. */
export async function statusOf(node: RunningNode, id: string): Promise<Map<string, string>> {
  const tasks = await ctr(node, "tasks", "list");
  const pid = tasks.split("\n").map((line) => line.split(/\s+/)).find(([task]) => task === idOf(id))
    ?.[1];
  // Deno lets nobody read there but who may do everything.
  const read = `await Deno.stdout.write(await Deno.readFile("/proc/${pid}/status"))`;
  const { stdout } = await runToEnd(Deno.execPath(), { args: ["eval", "--quiet", read] });
  return new Map(stdout.trim().split("\n").map((line) => line.split(/:\s+/) as [string, string]));
}

async function ctr({ socket, ctr }: RunningNode, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runToEnd(ctr, {
    args: ["--address", socket, "--namespace", "k8s.io", ...args],
  });
  if (code !== 0) throw new Error(`ctr ${args.join(" ")}: ${stderr}`);
  return stdout;
}

function idOf(id: string): string {
  return id.replace("containerd://", "");
}
