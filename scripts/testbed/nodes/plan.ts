/** Names and addresses of the real nodes: one bridge, a network namespace for each node behind it. */

export interface NodePlan {
  readonly name: string;
  /** Network namespace, and the node's folder. */
  readonly namespace: string;
  readonly address: string;
  /** Of its pods; the node has the first address. */
  readonly podNetwork: string;
}

/** What the nodes of one control plane share. */
export interface ClusterPlan {
  readonly serviceNetwork: string;
  /** Of service `kubernetes`: the first one of the service network. */
  readonly serviceAddress: string;
  readonly nodes: readonly NodePlan[];
}

/** At most 15 letters, as the kernel wants it. */
export const BRIDGE = "neuralops0";
/** This machine's, as nodes and pods see it. */
export const HOST_ADDRESS = "10.213.0.1";
export const SERVICE_PORT = 443;
/** On a real node, and tolerated only by what is meant for one: other tests' pods stay simulated. */
export const NODE_LABEL = "neuralops.io/node";
export const NODE_TAINT = { key: NODE_LABEL, value: "real", effect: "NoSchedule" };

export const CURRENT: ClusterPlan = {
  serviceNetwork: "10.96.0.0/24",
  serviceAddress: "10.96.0.1",
  nodes: [plan("a", 1), plan("b", 2)],
};
export const OLDEST: ClusterPlan = {
  serviceNetwork: "10.97.0.0/24",
  serviceAddress: "10.97.0.1",
  nodes: [plan("c", 3), plan("d", 4)],
};
export const CLUSTERS = [CURRENT, OLDEST];

/** Whatever must be valid in certificates of servers that pods call. */
export const SERVER_ADDRESSES = [
  HOST_ADDRESS,
  ...CLUSTERS.map(({ serviceAddress }) => serviceAddress),
];

function plan(letter: string, number: number): NodePlan {
  return {
    name: `real-${letter}`,
    namespace: `neuralops-${letter}`,
    address: `10.213.0.${10 + number}`,
    podNetwork: `10.213.${number}.0/24`,
  };
}
