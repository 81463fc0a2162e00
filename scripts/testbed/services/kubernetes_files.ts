/** The files of a control plane: who may come in, what is written down, and how pods come to life. */
import { stringify } from "yaml";
import { encodeBase64, encodeUtf8 } from "../../../src/core/encoding.ts";
import type { Certificate } from "../../../src/embedded/pki.ts";

export function kubeconfig(url: string, caPem: string, user: Certificate | string): string {
  const base64 = (text: string) => encodeBase64(encodeUtf8(text));
  const credentials = typeof user === "string" ? { token: user } : {
    "client-certificate-data": base64(user.certPem),
    "client-key-data": base64(user.keyPem),
  };
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{
      name: "testbed",
      cluster: { server: url, "certificate-authority-data": base64(caPem) },
    }],
    users: [{ name: "user", user: credentials }],
    contexts: [{ name: "testbed", context: { cluster: "testbed", user: "user" } }],
    "current-context": "testbed",
  });
}

/** Label of the nodes that kwok plays. */
export const SIMULATED = "type=kwok";

/** What the connectors wrote, their Leases included; nothing of what the cluster does to itself. */
export const AUDIT_POLICY = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [
    {
      level: "RequestResponse",
      userGroups: ["neuralops:connectors"],
      verbs: ["create", "update", "patch", "delete", "deletecollection"],
    },
    { level: "None" },
  ],
};

const READY = `
{{ $now := Now }}
phase: Running
startTime: {{ $now | Quote }}
conditions:
- { type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }} }
- { type: ContainersReady, status: "True", lastTransitionTime: {{ $now | Quote }} }
containerStatuses:
{{ range .spec.containers }}
- { name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: true, restartCount: 0, state: { running: { startedAt: {{ $now | Quote }} } } }
{{ end }}
`;
const COMPLETED = `
phase: Succeeded
containerStatuses:
{{ range .spec.containers }}
- { name: {{ .name | Quote }}, image: {{ .image | Quote }}, imageID: "", ready: false, restartCount: 0, state: { terminated: { exitCode: 0, reason: Completed, finishedAt: {{ Now | Quote }} } } }
{{ end }}
`;
const NODE = `
{{ $now := Now }}
conditions:
- { type: Ready, status: "True", reason: Simulated, message: "by kwok", lastHeartbeatTime: {{ $now | Quote }}, lastTransitionTime: {{ $now | Quote }} }
allocatable: { cpu: "100", memory: 100Gi, pods: "1000" }
capacity: { cpu: "100", memory: 100Gi, pods: "1000" }
`;
const READY_CONDITION = '.status.conditions.[] | select( .type == "Ready" ) | .status';
const IS_GOING = { key: ".metadata.deletionTimestamp", operator: "Exists" };
const STAYS = { key: ".metadata.deletionTimestamp", operator: "DoesNotExist" };

/** https://kwok.sigs.k8s.io/docs/user/stages-configuration/ */
export const STAGES = [
  stage("node-ready", "Node", [
    { key: READY_CONDITION, operator: "NotIn", values: ["True"] },
  ], { statusTemplate: NODE }),
  stage("pod-ready", "Pod", [
    STAYS,
    { key: ".status.phase", operator: "In", values: ["Pending"] },
    {
      key: '.spec.containers.[] | select( .image | endswith(":broken") ) | .name',
      operator: "DoesNotExist",
    },
  ], { statusTemplate: READY }),
  // As the node controller takes it from them when it has not heard of their node for a while.
  stage("pod-ready-again", "Pod", [
    STAYS,
    { key: ".status.phase", operator: "In", values: ["Running"] },
    { key: READY_CONDITION, operator: "In", values: ["False"] },
    { key: ".spec.restartPolicy", operator: "In", values: ["Always"] },
  ], { statusTemplate: READY }),
  stage("pod-complete", "Pod", [
    STAYS,
    { key: ".status.phase", operator: "In", values: ["Running"] },
    { key: ".spec.restartPolicy", operator: "In", values: ["Never", "OnFailure"] },
  ], { statusTemplate: COMPLETED }),
  stage("pod-delete", "Pod", [IS_GOING], { delete: true }),
];

function stage(name: string, kind: string, matchExpressions: readonly unknown[], next: unknown) {
  return {
    apiVersion: "kwok.x-k8s.io/v1alpha1",
    kind: "Stage",
    metadata: { name },
    spec: { resourceRef: { apiGroup: "v1", kind }, selector: { matchExpressions }, next },
  };
}
