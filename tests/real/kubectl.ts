/** kubectl on a cluster of the testbed, as one of its users. */
import type { RunningKubernetes } from "../../scripts/testbed/services/kubernetes.ts";
import { programOf } from "./peers.ts";
import { type Finished, runToEnd } from "./process.ts";

/** Whatever it answers. @param user whose kubeconfig the testbed has */
export async function tryKubectl(
  { folder }: Pick<RunningKubernetes, "folder">,
  user: string,
  ...args: string[]
): Promise<Finished> {
  return await kubectlWith(`${folder}/${user}.kubeconfig`, ...args);
}

/** As the administrator; throws unless it succeeds. */
export async function kubectl(
  cluster: Pick<RunningKubernetes, "folder">,
  ...args: string[]
): Promise<string> {
  const { code, stdout, stderr } = await tryKubectl(cluster, "admin", ...args);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

export async function kubectlWith(kubeconfig: string, ...args: string[]): Promise<Finished> {
  return await runToEnd(programOf("kubectl"), { args: ["--kubeconfig", kubeconfig, ...args] });
}
