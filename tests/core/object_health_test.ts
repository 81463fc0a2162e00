import assert from "node:assert/strict";
import { assessHealth, type ObjectHealth } from "../../src/core/object_health.ts";
import type { Json, JsonObject, KubeObject } from "../../src/core/kubernetes_object.ts";

interface Case {
  readonly kind: string;
  readonly what: string;
  readonly spec?: JsonObject;
  readonly status?: JsonObject;
  readonly metadata?: JsonObject;
  readonly state: ObjectHealth["state"];
  readonly message: string;
}

const condition = (type: string, status: string, extra: JsonObject = {}): Json => ({
  type,
  status,
  lastTransitionTime: "2026-11-22T10:00:00Z",
  ...extra,
});

/** As a Deployment of three replicas looks once it has been rolled out. */
const ROLLED_OUT = {
  observedGeneration: 2,
  replicas: 3,
  updatedReplicas: 3,
  readyReplicas: 3,
  availableReplicas: 3,
  conditions: [
    condition("Available", "True", { reason: "MinimumReplicasAvailable" }),
    condition("Progressing", "True", { reason: "NewReplicaSetAvailable" }),
  ],
};
const SET = {
  observedGeneration: 1,
  replicas: 3,
  readyReplicas: 3,
  updatedReplicas: 3,
  currentRevision: "db-1",
  updateRevision: "db-1",
};
const DAEMONS = {
  observedGeneration: 1,
  desiredNumberScheduled: 4,
  updatedNumberScheduled: 4,
  numberAvailable: 4,
};
const deployment = (what: string, status: JsonObject, rest: Pick<Case, "state" | "message">) => ({
  kind: "apps/v1/Deployment",
  what,
  spec: { replicas: 3 },
  metadata: { generation: 2 },
  status,
  ...rest,
});

const CASES: Case[] = [
  deployment("rolled out", ROLLED_OUT, { state: "current", message: "3 available replicas" }),
  deployment("just made", {}, { state: "in_progress", message: "not yet seen" }),
  deployment("changed a moment ago", { ...ROLLED_OUT, observedGeneration: 1 }, {
    state: "in_progress",
    message: "controller has seen generation 1 of 2",
  }),
  deployment("half updated", { ...ROLLED_OUT, updatedReplicas: 1 }, {
    state: "in_progress",
    message: "1 of 3 replicas updated",
  }),
  deployment("with old pods left", { ...ROLLED_OUT, replicas: 4 }, {
    state: "in_progress",
    message: "1 old replicas",
  }),
  deployment("with pods that are not ready", { ...ROLLED_OUT, availableReplicas: 2 }, {
    state: "in_progress",
    message: "2 of 3 available replicas",
  }),
  deployment("past its deadline", {
    ...ROLLED_OUT,
    conditions: [condition("Progressing", "False", {
      reason: "ProgressDeadlineExceeded",
      message: 'ReplicaSet "web-7d" has timed out progressing.',
    })],
  }, { state: "failed", message: "timed out progressing" }),
  deployment("past the deadline of an earlier generation", {
    observedGeneration: 1,
    conditions: [condition("Progressing", "False", { reason: "ProgressDeadlineExceeded" })],
  }, { state: "in_progress", message: "generation 1 of 2" }),
  {
    kind: "apps/v1/Deployment",
    what: "scaled to none",
    spec: { replicas: 0 },
    status: { observedGeneration: 1 },
    state: "current",
    message: "0 available replicas",
  },
  {
    kind: "apps/v1/Deployment",
    what: "without replicas, which means one",
    spec: {},
    status: { observedGeneration: 1 },
    state: "in_progress",
    message: "0 of 1",
  },
  {
    kind: "apps/v1/Deployment",
    what: "being deleted",
    metadata: { deletionTimestamp: "2026-11-22T10:00:00Z" },
    status: ROLLED_OUT,
    state: "in_progress",
    message: "being deleted",
  },
  {
    kind: "apps/v1/StatefulSet",
    what: "rolled out",
    spec: { replicas: 3 },
    status: SET,
    state: "current",
    message: "3 ready replicas",
  },
  {
    kind: "apps/v1/StatefulSet",
    what: "rolling",
    spec: { replicas: 3 },
    status: { ...SET, updateRevision: "db-2", updatedReplicas: 1 },
    state: "in_progress",
    message: "rolling to the new revision",
  },
  {
    kind: "apps/v1/StatefulSet",
    what: "not ready",
    spec: { replicas: 3 },
    status: { ...SET, readyReplicas: 2 },
    state: "in_progress",
    message: "2 of 3 ready replicas",
  },
  {
    kind: "apps/v1/StatefulSet",
    what: "rolled out up to its partition",
    spec: {
      replicas: 3,
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } },
    },
    status: { ...SET, updateRevision: "db-2", updatedReplicas: 1 },
    state: "current",
    message: "1 updated replicas",
  },
  {
    kind: "apps/v1/StatefulSet",
    what: "that updates on delete only",
    spec: { replicas: 3, updateStrategy: { type: "OnDelete" } },
    status: { ...SET, updateRevision: "db-2", updatedReplicas: 0 },
    state: "current",
    message: "3 ready replicas",
  },
  {
    kind: "apps/v1/DaemonSet",
    what: "rolled out",
    status: DAEMONS,
    state: "current",
    message: "4 available pods",
  },
  {
    kind: "apps/v1/DaemonSet",
    what: "half updated",
    status: { ...DAEMONS, updatedNumberScheduled: 2 },
    state: "in_progress",
    message: "2 of 4 updated pods",
  },
  {
    kind: "apps/v1/DaemonSet",
    what: "half available",
    status: { ...DAEMONS, numberAvailable: 1 },
    state: "in_progress",
    message: "1 of 4 available pods",
  },
  {
    kind: "apps/v1/DaemonSet",
    what: "that updates on delete only",
    spec: { updateStrategy: { type: "OnDelete" } },
    status: { ...DAEMONS, updatedNumberScheduled: 0 },
    state: "current",
    message: "4 available pods",
  },
  {
    kind: "apps/v1/ReplicaSet",
    what: "not available",
    spec: { replicas: 2 },
    status: { availableReplicas: 1 },
    state: "in_progress",
    message: "1 of 2 available replicas",
  },
  {
    kind: "batch/v1/Job",
    what: "that runs",
    status: { active: 1, startTime: "2026-11-22T10:00:00Z" },
    state: "in_progress",
    message: "0 succeeded",
  },
  {
    kind: "batch/v1/Job",
    what: "that is done",
    status: { succeeded: 1, conditions: [condition("Complete", "True")] },
    state: "current",
    message: "complete",
  },
  {
    kind: "batch/v1/Job",
    what: "that failed",
    status: {
      failed: 4,
      conditions: [condition("Failed", "True", { message: "reached the backoff limit" })],
    },
    state: "failed",
    message: "backoff limit",
  },
  {
    kind: "batch/v1/Job",
    what: "that is suspended",
    spec: { suspend: true },
    state: "current",
    message: "suspended",
  },
  {
    kind: "v1/Pod",
    what: "that starts",
    status: { phase: "Pending" },
    state: "in_progress",
    message: "phase is Pending",
  },
  {
    kind: "v1/Pod",
    what: "that is ready",
    status: { phase: "Running", conditions: [condition("Ready", "True")] },
    state: "current",
    message: "Ready",
  },
  {
    kind: "v1/Pod",
    what: "that runs but is not ready",
    status: { phase: "Running", conditions: [condition("Ready", "False")] },
    state: "in_progress",
    message: "phase is Running",
  },
  {
    kind: "v1/Pod",
    what: "that was evicted",
    status: { phase: "Failed", reason: "Evicted", message: "low on memory" },
    state: "failed",
    message: "low on memory",
  },
  { kind: "v1/Pod", what: "done", status: { phase: "Succeeded" }, state: "current", message: "" },
  {
    kind: "v1/PersistentVolumeClaim",
    what: "without a volume",
    status: { phase: "Pending" },
    state: "in_progress",
    message: "Pending",
  },
  {
    kind: "v1/PersistentVolumeClaim",
    what: "with a volume",
    status: { phase: "Bound" },
    state: "current",
    message: "Bound",
  },
  { kind: "v1/Service", what: "of type ClusterIP", state: "current", message: "exists" },
  {
    kind: "v1/Service",
    what: "without a load balancer's address",
    spec: { type: "LoadBalancer" },
    status: { loadBalancer: {} },
    state: "in_progress",
    message: "load balancer",
  },
  {
    kind: "v1/Service",
    what: "with a load balancer's address",
    spec: { type: "LoadBalancer" },
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } },
    state: "current",
    message: "address",
  },
  {
    kind: "apiextensions.k8s.io/v1/CustomResourceDefinition",
    what: "just made",
    status: { conditions: [] },
    state: "in_progress",
    message: "not yet established",
  },
  {
    kind: "apiextensions.k8s.io/v1/CustomResourceDefinition",
    what: "whose names are taken",
    status: { conditions: [condition("NamesAccepted", "False", { message: "in use" })] },
    state: "failed",
    message: "in use",
  },
  {
    kind: "apiextensions.k8s.io/v1/CustomResourceDefinition",
    what: "that is served",
    status: {
      conditions: [condition("NamesAccepted", "True"), condition("Established", "True")],
    },
    state: "current",
    message: "Established",
  },
  { kind: "v1/ConfigMap", what: "that is there", state: "current", message: "exists" },
  {
    kind: "cert-manager.io/v1/Certificate",
    what: "that waits",
    status: { conditions: [condition("Ready", "False", { message: "issuing" })] },
    state: "in_progress",
    message: "issuing",
  },
  {
    kind: "cert-manager.io/v1/Certificate",
    what: "that is ready",
    status: { conditions: [condition("Ready", "True")] },
    state: "current",
    message: "Ready",
  },
  deployment("whose quota is used up", {
    observedGeneration: 2,
    conditions: [condition("ReplicaFailure", "True", { message: "exceeded quota: pods=2" })],
  }, { state: "in_progress", message: "0 of 3 replicas updated; exceeded quota: pods=2" }),
  {
    kind: "apps/v1/Deployment",
    what: "that is paused",
    spec: { replicas: 1, paused: true },
    status: { observedGeneration: 1 },
    state: "in_progress",
    message: "it is paused",
  },
  {
    kind: "apps/v1/ReplicaSet",
    what: "with pods too many",
    spec: { replicas: 1 },
    status: { replicas: 2, availableReplicas: 2 },
    state: "in_progress",
    message: "1 replicas too many",
  },
  {
    kind: "apps/v1/ReplicaSet",
    what: "whose pods are refused",
    spec: { replicas: 1 },
    status: { conditions: [condition("ReplicaFailure", "True", { message: "denied" })] },
    state: "in_progress",
    message: "0 of 1 available replicas; denied",
  },
  {
    kind: "apps/v1/StatefulSet",
    what: "with pods too many",
    spec: { replicas: 2 },
    status: SET,
    state: "in_progress",
    message: "1 replicas too many",
  },
  {
    kind: "batch/v1/Job",
    what: "that has failed twice so far",
    status: { failed: 2 },
    state: "in_progress",
    message: "0 succeeded, 2 failed",
  },
  { kind: "batch/v1/CronJob", what: "that is there", state: "current", message: "scheduled" },
  {
    kind: "v1/Pod",
    what: "that fits on no node",
    status: {
      phase: "Pending",
      conditions: [condition("PodScheduled", "False", {
        reason: "Unschedulable",
        message: "0/3 nodes are available",
      })],
    },
    state: "in_progress",
    message: "Unschedulable: 0/3 nodes are available",
  },
  {
    kind: "v1/Pod",
    what: "whose image cannot be had",
    status: {
      phase: "Pending",
      containerStatuses: [{ name: "app", state: { waiting: { reason: "ImagePullBackOff" } } }],
    },
    state: "in_progress",
    message: "container app: ImagePullBackOff",
  },
  {
    kind: "v1/Pod",
    what: "that crashes again and again",
    status: {
      phase: "Running",
      containerStatuses: [{
        name: "app",
        state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 5m" } },
      }],
    },
    state: "failed",
    message: "container app: CrashLoopBackOff (back-off 5m)",
  },
  {
    kind: "v1/Pod",
    what: "whose containers are being made",
    status: {
      phase: "Pending",
      containerStatuses: [{ name: "app", state: { waiting: { reason: "ContainerCreating" } } }],
    },
    state: "in_progress",
    message: "phase is Pending",
  },
  {
    kind: "v1/PersistentVolumeClaim",
    what: "whose volume is lost",
    status: { phase: "Lost" },
    state: "failed",
    message: "lost",
  },
  {
    kind: "v1/PersistentVolume",
    what: "that is free",
    status: { phase: "Available" },
    state: "current",
    message: "Available",
  },
  {
    kind: "v1/PersistentVolume",
    what: "that is made",
    status: { phase: "Pending" },
    state: "in_progress",
    message: "Pending",
  },
  {
    kind: "v1/PersistentVolume",
    what: "that could not be made free",
    status: { phase: "Failed", message: "no recycler" },
    state: "failed",
    message: "no recycler",
  },
  {
    kind: "v1/Namespace",
    what: "that is there",
    status: { phase: "Active" },
    state: "current",
    message: "Active",
  },
  {
    kind: "v1/Namespace",
    what: "that is going",
    status: { phase: "Terminating" },
    state: "in_progress",
    message: "deleted",
  },
  { kind: "networking.k8s.io/v1/Ingress", what: "that is there", state: "current", message: "" },
  {
    kind: "policy/v1/PodDisruptionBudget",
    what: "with too few pods",
    status: { observedGeneration: 1, currentHealthy: 1, desiredHealthy: 2 },
    state: "in_progress",
    message: "1 of 2 healthy pods",
  },
  {
    kind: "policy/v1/PodDisruptionBudget",
    what: "with enough pods",
    status: { observedGeneration: 1, currentHealthy: 2, desiredHealthy: 2 },
    state: "current",
    message: "2 healthy pods",
  },
  {
    kind: "policy/v1/PodDisruptionBudget",
    what: "just made",
    state: "in_progress",
    message: "not yet seen",
  },
  {
    kind: "apiregistration.k8s.io/v1/APIService",
    what: "whose server is away",
    status: { conditions: [condition("Available", "False", { message: "no endpoints" })] },
    state: "in_progress",
    message: "not available: no endpoints",
  },
  {
    kind: "apiregistration.k8s.io/v1/APIService",
    what: "that is served",
    status: { conditions: [condition("Available", "True")] },
    state: "current",
    message: "Available",
  },
  {
    kind: "example.org/v1/Widget",
    what: "whose condition speaks of an earlier generation",
    metadata: { generation: 5 },
    status: { conditions: [condition("Ready", "True", { observedGeneration: 4 })] },
    state: "in_progress",
    message: "Ready speaks of generation 4 of 5",
  },
  {
    kind: "example.org/v1/Widget",
    what: "that is available and has no Ready",
    status: { conditions: [condition("Available", "True")] },
    state: "current",
    message: "Available",
  },
  {
    kind: "example.org/v1/Widget",
    what: "that its controller has not seen",
    metadata: { generation: 5 },
    status: { observedGeneration: 4, conditions: [condition("Ready", "True")] },
    state: "in_progress",
    message: "generation 4 of 5",
  },
  {
    kind: "example.org/v1/Widget",
    what: "that is stalled",
    status: { conditions: [condition("Ready", "False"), condition("Stalled", "True")] },
    state: "failed",
    message: "Stalled",
  },
  {
    kind: "example.org/v1/Widget",
    what: "that is still reconciled",
    status: { conditions: [condition("Reconciling", "True", { message: "step 2" })] },
    state: "in_progress",
    message: "step 2",
  },
  {
    kind: "example.org/v1/Widget",
    what: "whose status is nonsense",
    status: { conditions: ["Ready", null, 5] },
    state: "current",
    message: "exists",
  },
];

for (const { kind, what, spec, status, metadata, state, message } of CASES) {
  Deno.test(`assessHealth finds a ${kind} ${what} to be ${state}`, () => {
    const separator = kind.lastIndexOf("/");
    const object = {
      apiVersion: kind.slice(0, separator),
      kind: kind.slice(separator + 1),
      metadata: { name: "x", ...metadata },
      ...(spec ? { spec } : {}),
      ...(status ? { status } : {}),
    } as KubeObject;
    const health = assessHealth(object);
    assert.equal(health.state, state, health.message);
    assert.ok(health.message.includes(message), health.message);
  });
}
