/** The configuration of a node's containerd, network plugin and kubelet. */
import { stringify } from "yaml";
import { NODE_LABEL, NODE_TAINT, type NodePlan } from "./plan.ts";

export const PAUSE_IMAGE = "localhost/pause:testbed";

export interface NodePaths {
  /** Absolute, and the same on the node as outside it. */
  readonly socket: string;
  readonly networkFolder: string;
  readonly caFile: string;
  readonly plugins: string;
}

/** containerd's own paths are the usual ones: /var and /run are the node's. */
export function containerdConfig({ socket, networkFolder, plugins }: NodePaths): string {
  return `version = 2
[grpc]
  address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  disable_tcp_service = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${plugins}"
    conf_dir = "${networkFolder}"
`;
}

export function networkConfig({ podNetwork }: NodePlan): string {
  return JSON.stringify({
    cniVersion: "0.4.0",
    name: "pods",
    plugins: [{
      type: "bridge",
      bridge: "pods",
      isGateway: true,
      ipMasq: false,
      ipam: {
        type: "host-local",
        ranges: [[{ subnet: podNetwork }]],
        routes: [{ dst: "0.0.0.0/0" }],
      },
    }],
  });
}

/** @param settings that only this version of the kubelet knows */
export function kubeletConfig(
  cgroupRoot: string,
  { socket, caFile }: NodePaths,
  settings: Readonly<Record<string, unknown>>,
): string {
  return stringify({
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    containerRuntimeEndpoint: `unix://${socket}`,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: false },
      x509: { clientCAFile: caFile },
    },
    // Whoever has a certificate of the testbed's CA may read logs.
    authorization: { mode: "AlwaysAllow" },
    cgroupDriver: "cgroupfs",
    cgroupRoot,
    failSwapOn: false,
    makeIPTablesUtilChains: false,
    oomScoreAdj: 0,
    maxOpenFiles: 20_000,
    // The machine's disk is not the testbed's to judge.
    evictionHard: { "memory.available": "50Mi" },
    imageGCHighThresholdPercent: 100,
    localStorageCapacityIsolation: false,
    resolvConf: "",
    registerWithTaints: [NODE_TAINT],
    ...settings,
  });
}

export function kubeletArguments(
  { name, address }: NodePlan,
  config: string,
  kubeconfig: string,
): string[] {
  return [
    `--config=${config}`,
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${name}`,
    `--node-ip=${address}`,
    `--node-labels=${NODE_LABEL}=${NODE_TAINT.value}`,
  ];
}
