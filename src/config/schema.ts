/**
 * The configuration's schema. `docs/configuration.md` is generated from it: keep every `describe`, and
 * `form`, the word for what kind of text a key holds.
 */
import * as z from "zod";
import { faultOfTimes } from "../core/election.ts";
import { encodeUtf8 } from "../core/encoding.ts";
import { MAX_STATE_DIR } from "../core/state_sockets.ts";
import { Execution, Trust } from "./execution.ts";
import { caFile, duration, httpsUrl, name, nodeName, path, proxy } from "./fields.ts";
import { Prometheus } from "./prometheus.ts";
import { RemoteWrite } from "./remote_write.ts";
import { Signals } from "./signals.ts";

const ControlPlane = z.strictObject({
  url: httpsUrl.describe("base URL of the NeuralOps control plane"),
  caFile,
  proxy,
  timeout: duration("30s", "1s", "5m").describe("for one call"),
}).describe("the remote side");

const VaultAuth = z.discriminatedUnion("method", [
  z.strictObject({
    method: z.literal("token"),
    tokenFile: path.optional().describe(
      "file with a Vault token that has an entity (runbook); without it VAULT_TOKEN is read",
    ),
  }),
  z.strictObject({
    method: z.literal("kubernetes"),
    role: z.string().min(1).describe("role of the auth mount"),
    mount: z.string().default("kubernetes").describe("path of the auth mount"),
    tokenFile: path.default("/var/run/secrets/kubernetes.io/serviceaccount/token")
      .describe("service account token, read anew for each login"),
  }),
  z.strictObject({
    method: z.literal("appRole"),
    roleId: z.string().min(1).describe("role id"),
    secretIdFile: path.describe("file with the secret id, read anew for each login"),
    mount: z.string().default("approle").describe("path of the auth mount"),
  }),
]).describe("how the connector logs in to Vault");

const Vault = z.strictObject({
  address: httpsUrl.describe("Vault's URL"),
  caFile,
  proxy,
  namespace: z.string().optional().describe("Vault namespace"),
  auth: VaultAuth,
  identityRole: z.string().min(1).default("neuralops-connector")
    .describe(
      "role of identity/oidc/token/<role>, whose token proves this cluster to the control plane",
    ),
  timeout: duration("10s", "1s", "1m").describe("for one call"),
}).describe("Vault or OpenBao, which vouches for the connector's identity");

const LeaderElection = z.strictObject({
  namespace: name.describe("namespace of the Lease"),
  name: name.default("neuralops-connector").describe("name of the Lease"),
  identity: z.string().regex(
    /^[\w.:@-]{1,253}$/,
    "must be 1 to 253 of letters, digits and _ . : @ -",
  )
    .optional().describe(
      "what stands in the Lease, unique to this process; default: host name, `_`, and eight digits of its key's id",
    ),
  leaseDuration: duration("15s", "1s", "10m").describe(
    "how long others wait for a leader that went silent",
  ),
  renewDeadline: duration("10s", "500ms", "10m").describe(
    "how long the leader trusts in the Lease without having renewed it",
  ),
  retryPeriod: duration("2s", "100ms", "5m").describe("between two attempts"),
}).superRefine(({ leaseDuration, renewDeadline, retryPeriod }, context) => {
  const message = faultOfTimes({
    leaseDurationMs: leaseDuration,
    renewDeadlineMs: renewDeadline,
    retryPeriodMs: retryPeriod,
  });
  if (message) context.addIssue({ code: "custom", message });
}).optional().describe("several agents of one cluster, of which one acts; off when left out");

const Journal = z.strictObject({
  namespace: name.describe("namespace of the executions and their Secrets"),
  secretName: name.default("neuralops-journal-key").describe(
    "Secret with the key that all agents of the cluster share; the first leader creates it",
  ),
}).optional().describe(
  "keeps executions in the cluster (kubectl get wpx), where the next leader finds them; in stateDir when left out",
);

const Kubernetes = z.discriminatedUnion("mode", [
  z.strictObject({ mode: z.literal("none") }),
  z.strictObject({
    mode: z.literal("inCluster"),
    leaderElection: LeaderElection,
    journal: Journal,
  }),
  z.strictObject({
    mode: z.literal("kubeconfig"),
    kubeconfig: path.describe("kubeconfig file; exec plugins are refused"),
    context: z.string().optional().describe("default: the file's current-context"),
    leaderElection: LeaderElection,
    journal: Journal,
  }),
]).superRefine((value, context) => {
  if (value.mode === "none" || !value.leaderElection || value.journal) return;
  context.addIssue({
    code: "custom",
    path: ["journal"],
    message:
      "is needed with leaderElection: the next leader must find what the one before began, " +
      "and a package that ran would run again after a takeover. Set " +
      "kubernetes.journal.namespace, such as the Lease's",
  });
}).describe("the cluster that work packages change");

const Listener = z.strictObject({
  enabled: z.boolean().default(false).describe("opens the port"),
  address: z.string().default("0.0.0.0").describe("address to listen on"),
  port: z.int().min(0).max(65_535).default(8443).describe("0 lets the system choose"),
  certFile: path.optional().describe("PEM certificate chain; needed when enabled"),
  keyFile: path.optional().describe("PEM private key; needed when enabled"),
}).refine((value) => !value.enabled || (value.certFile && value.keyFile), {
  message: "needs certFile and keyFile when enabled: the listener speaks TLS only",
}).describe("where the Orchestrator may push work packages; probes and metrics too");

const S3 = z.strictObject({
  bucket: z.string().min(3).max(63).describe("bucket name"),
  region: z.string().default("us-east-1").describe("region that requests are signed for"),
  endpoint: httpsUrl.optional().describe("for S3 servers other than AWS"),
  caFile,
  prefix: z.string().regex(/^[\w./-]*$/).default("audit").describe("first part of every key"),
  pathStyle: z.boolean().default(false).describe("bucket in the path, not in the host name"),
  retention: duration("365d", "1d", "36500d").describe(
    "Object Lock retention, COMPLIANCE mode, where the bucket has Object Lock",
  ),
  credentialsVaultPath: z.string().optional()
    .describe(
      "KV v2 path in Vault, such as secret/data/neuralops/s3, with accessKeyId and secretAccessKey",
    ),
  credentialsFile: path.optional().describe("JSON file with accessKeyId and secretAccessKey"),
}).refine((value) => Boolean(value.credentialsFile) !== Boolean(value.credentialsVaultPath), {
  message: "needs exactly one of credentialsFile and credentialsVaultPath",
});

const Audit = z.strictObject({
  s3: S3.optional().describe("where sealed days are shipped"),
  keepLocal: duration("30d", "0s", "3650d").describe(
    "how long a shipped day stays on the local disk",
  ),
  shipEvery: duration("1m", "100ms", "1h").describe("how often sealed days are looked for"),
}).describe("the tamper-evident log");

export const ConfigSchema = z.strictObject({
  clusterName: name.describe("what people call this cluster"),
  nodeName: nodeName.optional().describe(
    "the node that this agent runs on, for queries with scope node; the chart sets it with mode daemonset",
  ),
  labels: z.record(z.string(), z.string()).default({}).describe("sent at registration"),
  stateDir: path.default("/var/lib/neuralops-connector").describe(
    `the only folder that is written, besides execution.files.roots; at most ${MAX_STATE_DIR} bytes where it holds a socket`,
  ),
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("info")
    .describe("least level that is logged"),
  controlPlane: ControlPlane,
  vault: Vault,
  prometheus: Prometheus.optional(),
  remoteWrite: RemoteWrite.optional(),
  signals: Signals.prefault({}),
  kubernetes: Kubernetes.prefault({ mode: "none" }),
  adminSocket: z.boolean().default(true)
    .describe("serves the CLI on a Unix socket in stateDir, open to the agent's own user only"),
  adminSocketGroupAccess: z.boolean().default(false)
    .describe("opens it to the group of stateDir, which must be setgid: mode 2710"),
  listener: Listener.prefault({}),
  commands: z.strictObject({
    enabled: z.boolean().default(true).describe("keeps the channel open"),
  }).prefault({}).describe("the outbound command channel, for clusters where nothing may come in"),
  trust: Trust.prefault({}),
  execution: Execution.prefault({}),
  audit: Audit.prefault({}),
}).superRefine(({ stateDir, adminSocket }, context) => {
  const length = encodeUtf8(stateDir).length;
  if (!adminSocket || length <= MAX_STATE_DIR) return;
  const message =
    `has ${length} bytes, and more than ${MAX_STATE_DIR} leave no room for the name ` +
    "of a socket in it: choose a shorter path, or set adminSocket to false";
  context.addIssue({ code: "custom", path: ["stateDir"], message });
}).refine(
  ({ execution, kubernetes }) =>
    execution.policyFile === undefined || kubernetes.mode !== "none" ||
    execution.files.roots.length > 0,
  {
    path: ["execution", "policyFile"],
    message:
      "allows changes, but kubernetes.mode is none and there are no execution.files.roots: " +
      "there is nothing to change",
  },
).refine(
  ({ execution, kubernetes }) =>
    execution.files.roots.length === 0 ||
    !("leaderElection" in kubernetes && kubernetes.leaderElection),
  {
    path: ["execution", "files", "roots"],
    message: "are of one host, but with kubernetes.leaderElection several act in turn",
  },
).refine(
  ({ execution, kubernetes }) =>
    !execution.approvers.some((one) => "kubernetesUser" in one) ||
    ("journal" in kubernetes && kubernetes.journal !== undefined),
  {
    path: ["execution", "approvers"],
    message: "have a kubernetesUser, who approves by annotating executions in the cluster: " +
      "that needs kubernetes.journal",
  },
).refine((value) => value.signals.queries.length === 0 || value.prometheus !== undefined, {
  path: ["signals", "queries"],
  message: "needs prometheus: there is nowhere to ask",
}).refine((value) => value.signals.sink !== "remoteWrite" || value.remoteWrite !== undefined, {
  path: ["signals", "sink"],
  message: "is remoteWrite, which needs remoteWrite.url: there is nowhere to write",
});

export type Config = z.infer<typeof ConfigSchema>;
export type ConfigInput = z.input<typeof ConfigSchema>;
