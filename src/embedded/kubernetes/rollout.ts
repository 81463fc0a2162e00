/** The status of a workload at each stage of a rollout, as its controller would write it. Pure. */
import { sha256Hex } from "../../core/encoding.ts";
import { type Json, type JsonObject, type KubeObject, objectAt, objectsIn } from "./json.ts";

export type Stage = "started" | "finished" | "timedOut";

const ROLLED_OUT = new Set(["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "Pod"]);

export function rollsOut(kind: string): boolean {
  return ROLLED_OUT.has(kind);
}

/** Images that end so never become ready. */
export function isBroken(object: KubeObject): boolean {
  const template = object.kind === "Pod" ? object : objectAt(object, "spec", "template");
  const podSpec = template ? objectAt(template, "spec") : undefined;
  return [...objectsIn(podSpec?.["initContainers"]), ...objectsIn(podSpec?.["containers"])]
    .some((container) => String(container["image"]).endsWith(":broken"));
}

export function templateHash(object: KubeObject): string {
  return sha256Hex(JSON.stringify(objectAt(object, "spec", "template") ?? {})).slice(0, 10);
}

export function rolloutStatus(object: KubeObject, stage: Stage, time: string): JsonObject {
  const before = objectAt(object, "status") ?? {};
  const wanted = object.kind === "DaemonSet" ? 1 : count(objectAt(object, "spec")?.["replicas"]);
  switch (object.kind) {
    case "Deployment":
      return deploymentStatus(object, before, wanted, stage, time);
    case "StatefulSet":
      return statefulSetStatus(object, before, wanted, stage);
    case "DaemonSet":
      return daemonSetStatus(object, before, wanted, stage);
    case "Job":
      return jobStatus(object, before, stage, time);
    case "Pod":
      return podStatus(before, stage, time);
    default: {
      const ready = stage === "finished"
        ? wanted
        : Math.min(count(before["readyReplicas"]), wanted);
      return withoutZeros({
        observedGeneration: object.metadata.generation ?? 0,
        fullyLabeledReplicas: wanted,
        readyReplicas: ready,
        availableReplicas: ready,
      }, { replicas: wanted });
    }
  }
}

function deploymentStatus(
  object: KubeObject,
  before: JsonObject,
  wanted: number,
  stage: Stage,
  time: string,
): JsonObject {
  const isFinished = stage === "finished";
  // While new pods come up (or fail to), those of the last rollout go on serving.
  const serving = Math.min(count(before["readyReplicas"]), wanted);
  const ready = isFinished ? wanted : serving;
  const surge = isFinished ? 0 : serving > 0 ? 1 : wanted;
  const isAvailable = isFinished || (serving > 0 && serving >= wanted);
  const replicaSet = `ReplicaSet "${object.metadata.name}-${templateHash(object)}"`;
  const progress = {
    started: ["True", "ReplicaSetUpdated", `${replicaSet} is progressing.`],
    finished: ["True", "NewReplicaSetAvailable", `${replicaSet} has successfully progressed.`],
    timedOut: ["False", "ProgressDeadlineExceeded", `${replicaSet} has timed out progressing.`],
  }[stage];
  const availability = isAvailable
    ? ["True", "MinimumReplicasAvailable", "Deployment has minimum availability."]
    : ["False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."];
  return withoutZeros({
    observedGeneration: object.metadata.generation ?? 0,
    replicas: isFinished ? wanted : serving + surge,
    updatedReplicas: isFinished ? wanted : surge,
    readyReplicas: ready,
    availableReplicas: ready,
    unavailableReplicas: surge,
  }, {
    conditions: [
      condition(before, "Available", availability, time, { lastUpdateTime: time }),
      condition(before, "Progressing", progress, time, { lastUpdateTime: time }),
    ],
  });
}

function statefulSetStatus(
  object: KubeObject,
  before: JsonObject,
  wanted: number,
  stage: Stage,
): JsonObject {
  const updateRevision = `${object.metadata.name}-${templateHash(object)}`;
  const isFinished = stage === "finished";
  const serving = Math.min(count(before["readyReplicas"]), wanted);
  // One pod at a time is replaced, from the last to the first.
  const ready = isFinished ? wanted : Math.max(serving - 1, 0);
  return withoutZeros({
    readyReplicas: ready,
    currentReplicas: isFinished ? wanted : ready,
    updatedReplicas: isFinished ? wanted : Math.min(1, wanted),
  }, {
    observedGeneration: object.metadata.generation ?? 0,
    replicas: isFinished ? wanted : Math.max(serving, Math.min(1, wanted)),
    availableReplicas: ready,
    currentRevision: isFinished ? updateRevision : before["currentRevision"] ?? updateRevision,
    updateRevision,
    collisionCount: 0,
  });
}

function daemonSetStatus(
  object: KubeObject,
  before: JsonObject,
  wanted: number,
  stage: Stage,
): JsonObject {
  const isFinished = stage === "finished";
  const isFirst = before["observedGeneration"] === undefined;
  return withoutZeros({
    updatedNumberScheduled: isFinished || isFirst ? wanted : 0,
    numberAvailable: isFinished ? wanted : 0,
    numberUnavailable: isFinished ? 0 : wanted,
  }, {
    observedGeneration: object.metadata.generation ?? 0,
    currentNumberScheduled: wanted,
    desiredNumberScheduled: wanted,
    numberMisscheduled: 0,
    numberReady: isFinished ? wanted : 0,
  });
}

function jobStatus(object: KubeObject, before: JsonObject, stage: Stage, time: string): JsonObject {
  const startTime = before["startTime"] ?? time;
  const spec = objectAt(object, "spec") ?? {};
  if (stage === "started") return { active: count(spec["parallelism"]), ready: 0, startTime };
  if (stage === "finished") {
    const met = ["True", "CompletionsReached", "Reached expected number of succeeded pods"];
    return {
      startTime,
      completionTime: time,
      succeeded: count(spec["completions"]),
      ready: 0,
      terminating: 0,
      conditions: [
        condition(before, "SuccessCriteriaMet", met, time, { lastProbeTime: time }),
        condition(before, "Complete", met, time, { lastProbeTime: time }),
      ],
    };
  }
  const why = ["True", "BackoffLimitExceeded", "Job has reached the specified backoff limit"];
  return {
    startTime,
    failed: count(spec["backoffLimit"]) + 1,
    ready: 0,
    terminating: 0,
    conditions: [
      condition(before, "FailureTarget", why, time, { lastProbeTime: time }),
      condition(before, "Failed", why, time, { lastProbeTime: time }),
    ],
  };
}

function podStatus(before: JsonObject, stage: Stage, time: string): JsonObject {
  const isReady = stage === "finished";
  const state = isReady
    ? ["True", "", ""]
    : ["False", "ContainersNotReady", "containers not ready"];
  return {
    ...before,
    phase: isReady ? "Running" : "Pending",
    startTime: before["startTime"] ?? time,
    conditions: [
      condition(before, "PodScheduled", ["True", "", ""], time, {}),
      condition(before, "Initialized", ["True", "", ""], time, {}),
      condition(before, "ContainersReady", state, time, {}),
      condition(before, "Ready", state, time, {}),
    ],
  };
}

/** The transition time moves only with the condition's status. */
function condition(
  before: JsonObject,
  type: string,
  [status = "", reason = "", message = ""]: readonly string[],
  time: string,
  more: JsonObject,
): JsonObject {
  const last = objectsIn(before["conditions"]).find((other) => other["type"] === type);
  const lastTransitionTime = last?.["status"] === status ? last["lastTransitionTime"] : undefined;
  return {
    type,
    status,
    ...(reason ? { reason, message } : {}),
    lastTransitionTime: lastTransitionTime ?? time,
    ...more,
  };
}

/** Counters at zero are left out of what the real server sends. */
function withoutZeros(counters: Record<string, number>, rest: JsonObject): JsonObject {
  const kept = Object.entries(counters).filter(([, value]) => value !== 0);
  return { ...Object.fromEntries(kept), ...rest };
}

function count(value: Json | undefined): number {
  return typeof value === "number" ? value : 0;
}
