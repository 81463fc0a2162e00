/** The health of what runs pods. */
import {
  allOf,
  asObject,
  atLeast,
  type Check,
  conditionOf,
  current,
  failed,
  inProgress,
  numberAt,
  type ObjectHealth,
  objectsIn,
  text,
} from "./health_terms.ts";
import type { JsonObject } from "./kubernetes_object.ts";

export const WORKLOAD_CHECKS: Readonly<Record<string, Check>> = {
  "apps/Deployment": checkDeployment,
  "apps/ReplicaSet": checkReplicaSet,
  "apps/StatefulSet": checkStatefulSet,
  "apps/DaemonSet": checkDaemonSet,
  "batch/Job": checkJob,
  "batch/CronJob": () => current("is scheduled"),
  "/Pod": checkPod,
};

const NOT_SEEN = inProgress("not yet seen by its controller");

function checkDeployment(spec: JsonObject, status: JsonObject): ObjectHealth {
  const progressing = conditionOf(status, "Progressing");
  if (progressing?.reason === "ProgressDeadlineExceeded") {
    return failed(`${text(progressing.message) || "progress deadline exceeded"}${why(status)}`);
  }
  if (status.observedGeneration === undefined) return NOT_SEEN;
  const wanted = replicasOf(spec);
  const updated = numberAt(status, "updatedReplicas");
  const health = allOf(
    updated < wanted
      ? inProgress(`${updated} of ${wanted} replicas updated`)
      : current("all replicas updated"),
    noSurplus("old replicas still running", numberAt(status, "replicas") - updated),
    atLeast("available replicas", numberAt(status, "availableReplicas"), wanted),
  );
  return explained(health, spec.paused === true ? "; it is paused" : why(status));
}

function checkReplicaSet(spec: JsonObject, status: JsonObject): ObjectHealth {
  const wanted = replicasOf(spec);
  const health = allOf(
    noSurplus("replicas too many", numberAt(status, "replicas") - wanted),
    atLeast("available replicas", numberAt(status, "availableReplicas"), wanted),
  );
  return explained(health, why(status));
}

function checkStatefulSet(spec: JsonObject, status: JsonObject): ObjectHealth {
  if (status.observedGeneration === undefined) return NOT_SEEN;
  const wanted = replicasOf(spec);
  const ready = allOf(
    noSurplus("replicas too many", numberAt(status, "replicas") - wanted),
    atLeast("ready replicas", numberAt(status, "readyReplicas"), wanted),
  );
  if (ready.state !== "current") return ready;
  const strategy = asObject(spec.updateStrategy);
  const partition = numberAt(asObject(strategy.rollingUpdate), "partition");
  if (partition > 0) {
    return atLeast("updated replicas", numberAt(status, "updatedReplicas"), wanted - partition);
  }
  const isDone = strategy.type === "OnDelete" || status.updateRevision === undefined ||
    status.currentRevision === status.updateRevision;
  return isDone ? ready : inProgress("rolling to the new revision");
}

function checkDaemonSet(spec: JsonObject, status: JsonObject): ObjectHealth {
  if (status.observedGeneration === undefined) return NOT_SEEN;
  const wanted = numberAt(status, "desiredNumberScheduled");
  const updated = atLeast("updated pods", numberAt(status, "updatedNumberScheduled"), wanted);
  const available = atLeast("available pods", numberAt(status, "numberAvailable"), wanted);
  // With OnDelete the old pods stay until someone deletes them.
  return asObject(spec.updateStrategy).type === "OnDelete" ? available : allOf(updated, available);
}

/** kstatus is content once a Job has begun; a package waits for its end. */
function checkJob(spec: JsonObject, status: JsonObject): ObjectHealth {
  const failure = conditionOf(status, "Failed");
  if (failure?.status === "True") return failed(text(failure.message) || "job failed");
  if (conditionOf(status, "Complete")?.status === "True") return current("complete");
  if (spec.suspend === true) return current("suspended");
  const failures = numberAt(status, "failed");
  const soFar = `${numberAt(status, "succeeded")} succeeded`;
  return inProgress(failures > 0 ? `${soFar}, ${failures} failed` : soFar);
}

function checkPod(_spec: JsonObject, status: JsonObject): ObjectHealth {
  if (status.phase === "Succeeded") return current("succeeded");
  if (status.phase === "Failed") {
    return failed(text(status.message) || text(status.reason) || "pod failed");
  }
  if (conditionOf(status, "Ready")?.status === "True") return current("Ready");
  const trouble = troubleOf(status);
  if (trouble?.includes("CrashLoopBackOff")) return failed(trouble);
  return inProgress(trouble ?? `phase is ${text(status.phase)}`);
}

/** What keeps a pod from being ready, as far as its status says; null where it only takes its time. */
export function troubleOf(status: JsonObject): string | null {
  const scheduled = conditionOf(status, "PodScheduled");
  if (scheduled?.status === "False") {
    return `${text(scheduled.reason)}: ${text(scheduled.message)}`;
  }
  const containers = [
    ...objectsIn(status.initContainerStatuses),
    ...objectsIn(status.containerStatuses),
  ];
  for (const container of containers) {
    const waiting = asObject(asObject(container.state).waiting);
    const reason = text(waiting.reason);
    // The states that every container goes through.
    if (reason === "" || reason === "ContainerCreating" || reason === "PodInitializing") continue;
    const message = text(waiting.message);
    return `container ${text(container.name)}: ${reason}${message ? ` (${message})` : ""}`;
  }
  return null;
}

/** Why its controller cannot make pods: a quota, or an admission webhook. */
function why(status: JsonObject): string {
  const failure = conditionOf(status, "ReplicaFailure");
  return failure?.status === "True" ? `; ${text(failure.message)}` : "";
}

function explained(health: ObjectHealth, reason: string): ObjectHealth {
  return health.state === "current" ? health : { ...health, message: `${health.message}${reason}` };
}

function noSurplus(what: string, surplus: number): ObjectHealth {
  return surplus > 0 ? inProgress(`${surplus} ${what}`) : current(`no ${what}`);
}

function replicasOf(spec: JsonObject): number {
  return typeof spec.replicas === "number" ? spec.replicas : 1;
}
