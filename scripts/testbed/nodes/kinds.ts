/** Nodes of the current control plane, and of the oldest: what they are made of. */
import type { Search } from "../peer.ts";
import { findContainerd, findDebianContainerd } from "../programs/containerd.ts";
import { type GoProgram, KUBELET, OLDEST_KUBELET } from "../programs/go_module.ts";
import { type ClusterPlan, CURRENT, OLDEST } from "./plan.ts";

export interface NodeKind {
  /** In the table of peers. */
  readonly name: string;
  /** Under the testbed's. */
  readonly folder: string;
  readonly plan: ClusterPlan;
  readonly kubelet: GoProgram;
  /** That only this version knows. */
  readonly kubeletSettings: Readonly<Record<string, unknown>>;
  findContainerd(signal: AbortSignal): Promise<Search>;
}

export const CURRENT_NODES: NodeKind = {
  name: "Nodes",
  folder: "nodes",
  plan: CURRENT,
  kubelet: KUBELET,
  // Whichever cgroups this machine has.
  kubeletSettings: { failCgroupV1: false },
  findContainerd,
};
export const OLDEST_NODES: NodeKind = {
  name: "Nodes, oldest",
  folder: "oldest-nodes",
  plan: OLDEST,
  kubelet: OLDEST_KUBELET,
  kubeletSettings: {},
  findContainerd: findDebianContainerd,
};
