/** Names and addresses of the real nodes: one bridge, a network namespace for each node behind it. */

export interface NodePlan {
  readonly name: string;
  /** Network namespace, and the node's folder. */
  readonly namespace: string;
  readonly address: string;
  /** Of its pods; the node has the first address. */
  readonly podNetwork: string;
}

/** At most 15 letters, as the kernel wants it. */
export const BRIDGE = "neuralops0";
/** This machine's, as nodes and pods see it. */
export const HOST_ADDRESS = "10.213.0.1";
/** Service `kubernetes`: the first address of the API server's service network. */
export const SERVICE_ADDRESS = "10.96.0.1";
export const SERVICE_PORT = 443;
/** Whatever must be valid in certificates of servers that pods call. */
export const SERVER_ADDRESSES = [HOST_ADDRESS, SERVICE_ADDRESS];
/** On a real node, and tolerated only by what is meant for one: other tests' pods stay simulated. */
export const NODE_LABEL = "neuralops.io/node";
export const NODE_TAINT = { key: NODE_LABEL, value: "real", effect: "NoSchedule" };

export const NODES: readonly NodePlan[] = ["a", "b"].map((letter, index) => ({
  name: `real-${letter}`,
  namespace: `neuralops-${letter}`,
  address: `10.213.0.${11 + index}`,
  podNetwork: `10.213.${1 + index}.0/24`,
}));
