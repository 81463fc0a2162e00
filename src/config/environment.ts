/** The environment variables that stand in for a key of the configuration; a variable wins over the file. */
export const ENVIRONMENT: Readonly<Record<string, readonly [string, ...string[]]>> = {
  NEURALOPS_CLUSTER_NAME: ["clusterName"],
  NEURALOPS_NODE_NAME: ["nodeName"],
  NEURALOPS_STATE_DIR: ["stateDir"],
  NEURALOPS_LOG_LEVEL: ["logLevel"],
  NEURALOPS_CONTROL_PLANE_URL: ["controlPlane", "url"],
  NEURALOPS_VAULT_ADDRESS: ["vault", "address"],
  NEURALOPS_PROMETHEUS_URL: ["prometheus", "url"],
};

/** Variables that are read besides: the file, a Vault token, the cluster's API, and what systemd says. */
export const OTHER_VARIABLES = [
  "NEURALOPS_CONFIG",
  "VAULT_TOKEN",
  "KUBERNETES_SERVICE_HOST",
  "KUBERNETES_SERVICE_PORT",
  "NOTIFY_SOCKET",
  "WATCHDOG_USEC",
] as const;
