/** What the server fills in before it stores an object of a built-in kind. Nobody owns it. */
import { encodeBase64, encodeUtf8 } from "../../core/encoding.ts";
import {
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  objectAt,
  objectsIn,
} from "./json.ts";
import { fill, fillPodSpec } from "./pod_defaults.ts";

type Filler = (object: KubeObject, spec: JsonObject) => void;

const ROLLING = "RollingUpdate";

const FILLERS: Record<string, Filler> = {
  Namespace(object, spec) {
    object.metadata.labels = {
      ...object.metadata.labels,
      "kubernetes.io/metadata.name": object.metadata.name,
    };
    fill(spec, { finalizers: ["kubernetes"] });
  },
  Secret(object) {
    fill(object, { type: "Opaque" });
    const texts = object["stringData"];
    if (!isObject(texts)) return;
    const encoded = Object.entries(texts).map(([key, text]): [string, Json] => [
      key,
      encodeBase64(encodeUtf8(String(text))),
    ]);
    object["data"] = { ...objectAt(object, "data"), ...Object.fromEntries(encoded) };
    delete object["stringData"];
  },
  Service(_object, spec) {
    fill(spec, { type: "ClusterIP", sessionAffinity: "None" });
    if (spec["sessionAffinity"] === "ClientIP") {
      fill(spec, { sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } } });
    } else delete spec["sessionAffinityConfig"];
    for (const port of objectsIn(spec["ports"])) {
      fill(port, { protocol: "TCP", targetPort: port["port"] ?? null });
    }
    if (spec["type"] === "ExternalName") return;
    fill(spec, { internalTrafficPolicy: "Cluster" });
    if (spec["type"] !== "ClusterIP") fill(spec, { externalTrafficPolicy: "Cluster" });
  },
  Pod: (_object, spec) => fillPodSpec(spec),
  PersistentVolumeClaim: (_object, spec) => fill(spec, { volumeMode: "Filesystem" }),
  Deployment(_object, spec) {
    fill(spec, {
      replicas: 1,
      strategy: { type: ROLLING },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
    });
    fillRolling(spec["strategy"], { maxUnavailable: "25%", maxSurge: "25%" });
    fillTemplate(spec);
  },
  StatefulSet(_object, spec) {
    fill(spec, {
      replicas: 1,
      podManagementPolicy: "OrderedReady",
      updateStrategy: { type: ROLLING },
      revisionHistoryLimit: 10,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
    });
    fillRolling(spec["updateStrategy"], { partition: 0 });
    fillTemplate(spec);
  },
  DaemonSet(_object, spec) {
    fill(spec, { updateStrategy: { type: ROLLING }, revisionHistoryLimit: 10 });
    fillRolling(spec["updateStrategy"], { maxUnavailable: 1, maxSurge: 0 });
    fillTemplate(spec);
  },
  ReplicaSet(_object, spec) {
    fill(spec, { replicas: 1 });
    fillTemplate(spec);
  },
  Job: (_object, spec) => fillJob(spec),
  CronJob(_object, spec) {
    fill(spec, {
      concurrencyPolicy: "Allow",
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    });
    const jobTemplate = objectAt(spec, "jobTemplate");
    if (jobTemplate) fill(jobTemplate, { metadata: {} });
    const template = objectAt(spec, "jobTemplate", "spec", "template");
    if (template) fillTemplate({ template });
  },
  NetworkPolicy(_object, spec) {
    fill(spec, { policyTypes: spec["egress"] ? ["Ingress", "Egress"] : ["Ingress"] });
  },
  RoleBinding(object) {
    const roleRef = object["roleRef"];
    if (isObject(roleRef)) fill(roleRef, { apiGroup: "rbac.authorization.k8s.io" });
    for (const subject of objectsIn(object["subjects"])) {
      if (subject["kind"] !== "ServiceAccount") {
        fill(subject, { apiGroup: "rbac.authorization.k8s.io" });
      }
    }
  },
  CustomResourceDefinition(_object, spec) {
    fill(spec, { conversion: { strategy: "None" } });
    const names = spec["names"];
    if (!isObject(names) || typeof names["kind"] !== "string") return;
    fill(names, { listKind: `${names["kind"]}List`, singular: names["kind"].toLowerCase() });
  },
};

const WITHOUT_SPEC = new Set(["Secret", "RoleBinding"]);

/** Fills defaults into `object` itself. */
export function fillDefaults(object: KubeObject): void {
  const filler = FILLERS[object.kind];
  if (!filler) return;
  if (!WITHOUT_SPEC.has(object.kind) && !isObject(object["spec"])) object["spec"] = {};
  filler(object, objectAt(object, "spec") ?? {});
}

function fillTemplate(spec: JsonObject): void {
  const template = objectAt(spec, "template");
  if (template) fill(template, { metadata: {} });
  const podSpec = objectAt(spec, "template", "spec");
  if (podSpec) fillPodSpec(podSpec);
}

function fillRolling(strategy: Json | undefined, defaults: JsonObject): void {
  if (!isObject(strategy)) return;
  fill(strategy, { type: ROLLING });
  if (strategy["type"] !== ROLLING) return;
  fill(strategy, { rollingUpdate: {} });
  const rolling = strategy["rollingUpdate"];
  if (isObject(rolling)) fill(rolling, defaults);
}

function fillJob(spec: JsonObject): void {
  fill(spec, {
    parallelism: 1,
    completions: 1,
    backoffLimit: 6,
    completionMode: "NonIndexed",
    suspend: false,
    podReplacementPolicy: "TerminatingOrFailed",
  });
  fillTemplate(spec);
}
