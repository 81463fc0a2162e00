/** The files that a customer would write, with shorter periods than anyone would use. */

export const SERVICE_ACCOUNT_ROLE = "neuralops-connector";
export const S3_VAULT_PATH = "secret/data/neuralops/s3";
export const STEP_MS = 250;
export const QUERIES = [
  { name: "requests", expr: "sim_requests_total" },
  { name: "queue", expr: "sim_queue_depth" },
  { name: "latency", expr: "sim_latency" },
] as const;

export const POLICY = `apiVersion: neuralops.io/v1
kind: ExecutionPolicy
mode: auto
auto: { maxRisk: low, namespaces: [sandbox], actions: [scale, restart] }
maxRisk: medium
maxObjects: 10
allow:
  - name: workloads
    namespaces: [shop, sandbox]
    kinds: [apps/v1/Deployment, v1/ConfigMap]
    actions: [apply, scale, restart, delete]
deny:
  - name: never-touch-payments
    namespaces: [payments]
`;

export interface ConfigValues {
  readonly folder: string;
  readonly controlPlane: string;
  readonly vault: string;
  readonly prometheus: string;
  readonly s3: string;
  readonly bucket: string;
  readonly identity: string;
  readonly issuer: string;
}

export const CONFIG = (values: ConfigValues) =>
  `clusterName: simulated
labels: { region: loopback }
stateDir: ${values.folder}/state
logLevel: debug
controlPlane: { url: "${values.controlPlane}", caFile: ${values.folder}/ca.pem, timeout: 5s }
vault:
  address: ${values.vault}
  caFile: ${values.folder}/ca.pem
  auth:
    method: kubernetes
    role: ${SERVICE_ACCOUNT_ROLE}
    tokenFile: ${values.folder}/service-account.token
prometheus:
  url: ${values.prometheus}
  caFile: ${values.folder}/ca.pem
  bearerTokenFile: ${values.folder}/prometheus.token
signals:
  window: 1s
  settle: 500ms
  startFrom: 5s
  backfill: 10m
  queries:
${
    QUERIES.map(({ name, expr }) => `    - { name: ${name}, expr: ${expr}, step: ${STEP_MS}ms }`)
      .join("\n")
  }
kubernetes: { mode: kubeconfig, kubeconfig: ${values.folder}/kubeconfig }
adminSocket: false
listener:
  enabled: true
  address: 127.0.0.1
  port: 0
  certFile: ${values.folder}/listener.crt
  keyFile: ${values.folder}/listener.key
trust:
  signers:
    - { name: release-key, keyFile: ${values.folder}/release.pub }
    - name: ci
      identity: "${values.identity}"
      issuer: ${values.issuer}
      trustedRoot: ${values.folder}/trusted_root.json
execution:
  policyFile: ${values.folder}/policy.yaml
  labels: { env: simulation }
audit:
  shipEvery: 500ms
  s3:
    bucket: ${values.bucket}
    endpoint: ${values.s3}
    caFile: ${values.folder}/ca.pem
    pathStyle: true
    retention: 30d
    credentialsVaultPath: ${S3_VAULT_PATH}
`;
