/** The journal that the agents of a testbed's cluster share. */
import type { RunningKubernetes } from "../../scripts/testbed/services/kubernetes.ts";
import { NAMESPACE } from "../../scripts/testbed/services/kubernetes_setup.ts";
import { kubectl } from "./kubectl.ts";

export const JOURNAL = { namespace: NAMESPACE, secretName: "neuralops-journal-key" };

export interface Execution {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly leader: string;
  readonly status: { readonly state: string; readonly reason: string };
}

export async function readExecutions(cluster: RunningKubernetes): Promise<Execution[]> {
  return JSON.parse(await kubectl(cluster, "-n", NAMESPACE, "get", "wpx", "-o", "json")).items;
}

/** As before the first leader: sequences, packages and the key are those of one test. */
export async function clearJournal(cluster: RunningKubernetes): Promise<void> {
  const remove = ["-n", NAMESPACE, "delete", "--ignore-not-found"];
  await kubectl(cluster, ...remove, "wpx", "--all");
  await kubectl(cluster, ...remove, "secret", "-l", "neuralops.io/holds");
  await kubectl(cluster, ...remove, "secret", JOURNAL.secretName);
}
