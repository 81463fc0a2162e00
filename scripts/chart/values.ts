/**
 * The chart's values. `helm/connector/values.schema.json` and `docs/helm-values.md` are generated from it,
 * so keep every `describe`; defaults and their comments stand in `helm/connector/values.yaml`.
 */
import { z } from "zod";
import { dnsLabel, freeObject, int, labels, quantity, text } from "./value_kinds.ts";
import { Listener } from "./values_listener.ts";
import { Monitoring, NetworkPolicy } from "./values_surroundings.ts";

const Image = z.strictObject({
  repository: z.string().describe("registry and name under which the image is kept; required"),
  tag: z.string().describe("empty: the chart's appVersion"),
  digest: z.string().regex(/^(sha256:[0-9a-f]{64})?$/).describe("wins over the tag"),
  pullPolicy: z.enum(["Always", "IfNotPresent", "Never"]).describe("when it is pulled"),
  pullSecrets: z.array(z.strictObject({ name: dnsLabel.describe("a Secret") }))
    .describe("by which it is pulled"),
}).describe("the connector's image");

const Rbac = z.strictObject({
  create: z.boolean().describe("false: you grant what docs/policies/byoc_security.md asks for"),
  namespaces: z.array(dnsLabel).describe("what patterns of the policy stand for"),
  resources: z.array(
    z.strictObject({
      kind: z.string().regex(/^([a-z0-9.-]+\/)?v[a-z0-9]+\/[A-Z][A-Za-z0-9]*$/)
        .describe("as the policy writes it: example.com/v1/Widget"),
      resource: z.string().regex(/^[a-z][a-z0-9-]*$/).describe("plural, as kubectl api-resources"),
      namespaced: z.boolean().describe("false: its objects have no namespace"),
    }),
  ).describe("kinds that the chart does not know"),
}).describe("the connector's rights in the cluster, made from the policy");

const LeaderElection = z.strictObject({
  enabled: z.union([z.boolean(), z.literal("auto")])
    .describe("auto: on, but for sidecars"),
  leaseDuration: text.describe("how long others wait for a leader that went silent"),
  renewDeadline: text.describe("how long the leader trusts in the Lease without renewing it"),
  retryPeriod: text.describe("between two attempts"),
}).describe("several pods, of which one acts; kubernetes.leaderElection of the configuration");

const Journal = z.strictObject({
  namespace: z.string().describe("of executions and their Secrets; empty: the release's"),
  secretName: dnsLabel.describe("Secret with the key that all pods share"),
}).describe("kubernetes.journal of the configuration");

const ServiceAccount = z.strictObject({
  create: z.boolean().describe("false: name says which one is there"),
  name: z.string().describe("empty: the full name"),
  annotations: labels.describe("of the ServiceAccount"),
  vaultToken: z.strictObject({
    audience: text.describe("what Vault's role asks for"),
    expirationSeconds: int.min(600).max(86_400).describe("the kubelet renews it well before"),
  }).describe("the projected token that is shown to Vault"),
}).describe("who the connector is in the cluster");

const State = z.strictObject({
  type: z.enum(["auto", "emptyDir", "ephemeral", "hostPath", "persistentVolumeClaim"])
    .describe("auto: persistentVolumeClaim for a deployment, else emptyDir"),
  size: quantity.describe("of the volume; of an emptyDir the limit"),
  storageClassName: z.string().describe("empty: the cluster's default"),
  existingClaim: z.string().describe("a PersistentVolumeClaim that you made"),
  hostPath: z.string().regex(/^\//).describe("a folder on each node that belongs to user 65532"),
}).describe("key, audit log, cursors: docs/kubernetes.md");

const Subject = z.strictObject({
  kind: z.enum(["Group", "ServiceAccount", "User"]).describe("what it is to the cluster"),
  name: text.describe("as kubectl auth whoami shows it"),
  namespace: z.string().optional().describe("of a ServiceAccount"),
});

/** `config` and `policy` get the schemas of the agent itself: `values_schema.ts`. */
export const Values = z.strictObject({
  mode: z.enum(["daemonset", "deployment", "sidecar"]).describe("docs/kubernetes.md"),
  fullnameOverride: z.string().max(40).describe("names what is made; empty: after the release"),
  commonLabels: labels.describe("on everything that is made"),
  image: Image,
  config: freeObject.describe("the agent's configuration, docs/configuration.md"),
  files: z.record(z.string().regex(/^[\w.-]+$/), z.string())
    .describe("files beside connector.yaml, by name; nothing secret"),
  configSources: z.array(freeObject).describe("more of them: sources of a projected volume"),
  policy: freeObject.describe("the execution policy; without one every package is refused"),
  rbac: Rbac,
  leaderElection: LeaderElection,
  journal: Journal,
  admissionPolicies: z.strictObject({
    leaseFence: z.boolean().describe("no write by a connector that does not hold the Lease"),
    approvalGuard: z.boolean().describe("decisions bear their writer's name"),
  }).describe("what the API server itself holds"),
  approvals: z.strictObject({
    subjects: z.array(Subject).describe("who may decide by kubectl"),
  }).describe("persons"),
  listener: Listener,
  service: z.strictObject({
    enabled: z.boolean().describe("only with a listener"),
    port: int.min(1).max(65_535).describe("of the Service"),
    annotations: labels.describe("of the Service"),
  }).describe("in front of the listener"),
  serviceAccount: ServiceAccount,
  state: State,
  resources: z.strictObject({
    requests: z.record(z.string(), quantity).optional().describe("what it takes idle"),
    limits: z.record(z.string(), quantity).optional().describe("what it may take at most"),
  }).describe("of the container; measured, docs/footprint.md"),
  daemonset: z.strictObject({
    updateStrategy: freeObject.describe("of the DaemonSet"),
  }).describe("mode daemonset"),
  deployment: z.strictObject({
    replicas: int.min(0).max(100).describe("more than 1: one acts, the others take over"),
  }).describe("mode deployment"),
  podDisruptionBudget: z.strictObject({
    enabled: z.boolean().describe("makes one"),
    maxUnavailable: z.union([int.min(0), z.string().regex(/^\d+%$/)])
      .describe("pods that an eviction may take at once"),
  }).describe("of a deployment with more than one replica"),
  terminationGracePeriodSeconds: int.min(1).describe("to give the Lease up"),
  podAnnotations: labels.describe("besides the chart's"),
  podLabels: labels.describe("besides the chart's"),
  priorityClassName: z.string().describe("of the pods"),
  nodeSelector: labels.describe("of the pods"),
  tolerations: z.array(freeObject).describe("of the pods"),
  affinity: freeObject.describe("of the pods"),
  topologySpreadConstraints: z.array(freeObject)
    .describe("empty: over the nodes, for a deployment of several replicas"),
  networkPolicy: NetworkPolicy,
  monitoring: Monitoring,
  global: freeObject.optional().describe("what a chart above this one sets for all; not read"),
});

export type ChartValues = z.infer<typeof Values>;
