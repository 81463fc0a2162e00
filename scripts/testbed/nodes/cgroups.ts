/** The cgroups of the nodes, by way of cgroups.sh. */
import { run } from "../command.ts";

const SCRIPT = "scripts/testbed/nodes/cgroups.sh";

/** Path of a node's cgroup below every hierarchy's root, as the kubelet's `cgroupRoot` wants it. */
export function cgroupOf(node: string): string {
  return `/neuralops-testbed/${node}`;
}

/** @returns the file that a process writes its id to, to be found there with all its children */
export async function makeCgroup(node: string): Promise<string> {
  return await call("make", node);
}

/** SIGKILL to all that is in them, and away with them. Nothing there is nothing to do. */
export async function removeCgroups(): Promise<void> {
  await call("remove");
}

/** Throws an Error that says what cannot be had or ended. */
async function call(...args: string[]): Promise<string> {
  const { ok, out, problem } = await run("sh", [SCRIPT, ...args]);
  if (!ok) throw new Error(`${SCRIPT} ${args.join(" ")}: ${problem}`);
  return out;
}
