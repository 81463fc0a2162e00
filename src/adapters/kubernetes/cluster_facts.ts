/** What registration says about the cluster: its UID and its version. */
import * as z from "zod";
import type { V1Namespace, VersionInfo } from "@kubernetes/client-node";
import { InvalidInputError } from "../../errors.ts";
import type { KubernetesApi } from "./api.ts";

const Uid = z.object({ metadata: z.object({ uid: z.string().min(1).max(253) }) });
const Version = z.object({ gitVersion: z.string().max(253) });

export interface ClusterFacts {
  /** UID of the kube-system namespace: as old and as unique as the cluster itself. */
  readonly uid: string;
  readonly version: VersionInfo["gitVersion"];
}

export async function readClusterFacts(api: KubernetesApi): Promise<ClusterFacts> {
  const what = "read the UID of namespace kube-system";
  const { object } = await api.request({
    method: "GET",
    path: "/api/v1/namespaces/kube-system",
    what,
  });
  const namespace: V1Namespace = object;
  const version = await api.request({ method: "GET", path: "/version", what: "read the version" });
  const uid = Uid.safeParse(namespace);
  if (!uid.success) throw new InvalidInputError("malformed_answer", `${what}: there is none`);
  const { success, data } = Version.safeParse(version.object);
  if (!success) throw new InvalidInputError("malformed_answer", "The API server names no version");
  return { uid: uid.data.metadata.uid, version: data.gitVersion };
}
