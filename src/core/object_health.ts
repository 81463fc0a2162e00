/**
 * Whether an object has become what its spec asks for, in the sense of kstatus
 * (https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus).
 */
import { isJsonObject, type Json, type JsonObject, type KubeObject } from "./kubernetes_object.ts";

export interface ObjectHealth {
  readonly state: "current" | "in_progress" | "failed";
  readonly message: string;
}

type Check = (spec: JsonObject, status: JsonObject) => ObjectHealth;

const CHECKS: Readonly<Record<string, Check>> = {
  "apps/Deployment": checkDeployment,
  "apps/StatefulSet": checkStatefulSet,
  "apps/DaemonSet": checkDaemonSet,
  "apps/ReplicaSet": (spec, status) =>
    atLeast("available replicas", numberAt(status, "availableReplicas"), replicasOf(spec)),
  "batch/Job": checkJob,
  "/Pod": checkPod,
  "/PersistentVolumeClaim": (_spec, status) =>
    status.phase === "Bound" ? current("Bound") : inProgress(`phase is ${text(status.phase)}`),
  "/Service": checkService,
  "apiextensions.k8s.io/CustomResourceDefinition": (_spec, status) => {
    const refused = conditionOf(status, "NamesAccepted");
    if (refused?.status === "False") return failed(`names not accepted: ${text(refused.message)}`);
    return conditionOf(status, "Established")?.status === "True"
      ? current("Established")
      : inProgress("not yet established");
  },
};

/** Judges a live object. Kinds without a rule are judged by their Ready/Available conditions, if any. */
export function assessHealth(object: KubeObject): ObjectHealth {
  if (object.metadata.deletionTimestamp) return inProgress("is being deleted");
  const spec = asObject(object.spec);
  const status = asObject(object.status);
  const { generation } = object.metadata;
  const { observedGeneration } = status;
  if (
    typeof generation === "number" && typeof observedGeneration === "number" &&
    observedGeneration < generation
  ) {
    return inProgress(`controller has seen generation ${observedGeneration} of ${generation}`);
  }
  const group = object.apiVersion.includes("/") ? object.apiVersion.split("/")[0]! : "";
  return (CHECKS[`${group}/${object.kind}`] ?? checkConditions)(spec, status);
}

function checkDeployment(spec: JsonObject, status: JsonObject): ObjectHealth {
  const progressing = conditionOf(status, "Progressing");
  if (progressing?.reason === "ProgressDeadlineExceeded") {
    return failed(text(progressing.message) || "progress deadline exceeded");
  }
  if (status.observedGeneration === undefined) return inProgress("not yet seen by its controller");
  const wanted = replicasOf(spec);
  const updated = numberAt(status, "updatedReplicas");
  if (updated < wanted) return inProgress(`${updated} of ${wanted} replicas updated`);
  const surplus = numberAt(status, "replicas") - updated;
  if (surplus > 0) return inProgress(`${surplus} old replicas still running`);
  return atLeast("available replicas", numberAt(status, "availableReplicas"), wanted);
}

function checkStatefulSet(spec: JsonObject, status: JsonObject): ObjectHealth {
  if (status.observedGeneration === undefined) return inProgress("not yet seen by its controller");
  const wanted = replicasOf(spec);
  const ready = atLeast("ready replicas", numberAt(status, "readyReplicas"), wanted);
  if (ready.state !== "current") return ready;
  const partition = numberAt(asObject(asObject(spec.updateStrategy).rollingUpdate), "partition");
  if (partition > 0) {
    return atLeast("updated replicas", numberAt(status, "updatedReplicas"), wanted - partition);
  }
  const done = asObject(spec.updateStrategy).type === "OnDelete" ||
    status.updateRevision === undefined || status.currentRevision === status.updateRevision;
  return done ? ready : inProgress("rolling to the new revision");
}

function checkDaemonSet(spec: JsonObject, status: JsonObject): ObjectHealth {
  if (status.observedGeneration === undefined) return inProgress("not yet seen by its controller");
  const wanted = numberAt(status, "desiredNumberScheduled");
  const updated = atLeast("updated pods", numberAt(status, "updatedNumberScheduled"), wanted);
  // With OnDelete the old pods stay until someone deletes them.
  return updated.state === "current" || asObject(spec.updateStrategy).type === "OnDelete"
    ? atLeast("available pods", numberAt(status, "numberAvailable"), wanted)
    : updated;
}

/** kstatus is content once a Job has begun; a package waits for its end. */
function checkJob(spec: JsonObject, status: JsonObject): ObjectHealth {
  const failure = conditionOf(status, "Failed");
  if (failure?.status === "True") return failed(text(failure.message) || "job failed");
  if (conditionOf(status, "Complete")?.status === "True") return current("complete");
  if (spec.suspend === true) return current("suspended");
  return inProgress(`${numberAt(status, "succeeded")} succeeded`);
}

function checkPod(_spec: JsonObject, status: JsonObject): ObjectHealth {
  if (status.phase === "Succeeded") return current("succeeded");
  if (status.phase === "Failed") return failed(text(status.message) || "pod failed");
  return conditionOf(status, "Ready")?.status === "True"
    ? current("Ready")
    : inProgress(`phase is ${text(status.phase)}`);
}

function checkService(spec: JsonObject, status: JsonObject): ObjectHealth {
  if (spec.type !== "LoadBalancer") return current("exists");
  const ingress = asObject(status.loadBalancer).ingress;
  return Array.isArray(ingress) && ingress.length > 0
    ? current("has an address")
    : inProgress("waits for a load balancer address");
}

function checkConditions(_spec: JsonObject, status: JsonObject): ObjectHealth {
  const stalled = conditionOf(status, "Stalled");
  if (stalled?.status === "True") return failed(text(stalled.message) || "Stalled");
  const reconciling = conditionOf(status, "Reconciling");
  if (reconciling?.status === "True") {
    return inProgress(`Reconciling: ${text(reconciling.message)}`);
  }
  for (const type of ["Ready", "Available"]) {
    const condition = conditionOf(status, type);
    if (condition?.status === "True") return current(type);
    if (condition) {
      return inProgress(`${type} is ${text(condition.status)}: ${text(condition.message)}`);
    }
  }
  return current("exists");
}

function atLeast(what: string, have: number, wanted: number): ObjectHealth {
  return have >= wanted ? current(`${have} ${what}`) : inProgress(`${have} of ${wanted} ${what}`);
}

function conditionOf(status: JsonObject, type: string): JsonObject | undefined {
  if (!Array.isArray(status.conditions)) return undefined;
  return status.conditions.filter(isJsonObject).find((condition) => condition.type === type);
}

function replicasOf(spec: JsonObject): number {
  return typeof spec.replicas === "number" ? spec.replicas : 1;
}

function numberAt(object: JsonObject, key: string): number {
  const value = object[key];
  return typeof value === "number" ? value : 0;
}

function asObject(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

const current = (message: string): ObjectHealth => ({ state: "current", message });
const inProgress = (message: string): ObjectHealth => ({ state: "in_progress", message });
const failed = (message: string): ObjectHealth => ({ state: "failed", message });
