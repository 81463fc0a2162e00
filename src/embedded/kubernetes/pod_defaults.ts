/** Defaults of pod templates, filled in place. */
import { isObject, type JsonObject, objectAt, objectsIn } from "./json.ts";

export function fill(target: JsonObject, defaults: JsonObject): void {
  for (const [field, value] of Object.entries(defaults)) {
    if (target[field] === undefined) target[field] = structuredClone(value);
  }
}

export function fillPodSpec(spec: JsonObject): void {
  fill(spec, {
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    dnsPolicy: "ClusterFirst",
    securityContext: {},
    schedulerName: "default-scheduler",
  });
  // `serviceAccount` is the old name of the same field; the server keeps both equal.
  const account = spec["serviceAccountName"] ?? spec["serviceAccount"];
  if (account !== undefined) {
    spec["serviceAccountName"] = account;
    spec["serviceAccount"] = account;
  }
  for (const list of ["containers", "initContainers"]) objectsIn(spec[list]).forEach(fillContainer);
  objectsIn(spec["volumes"]).forEach(fillVolume);
}

function fillContainer(container: JsonObject): void {
  fill(container, {
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    imagePullPolicy: isFloating(container["image"]) ? "Always" : "IfNotPresent",
    resources: {},
  });
  for (const port of objectsIn(container["ports"])) fill(port, { protocol: "TCP" });
  for (const variable of objectsIn(container["env"])) {
    const fieldRef = objectAt(variable, "valueFrom", "fieldRef");
    if (fieldRef) fill(fieldRef, { apiVersion: "v1" });
  }
  for (const kind of ["livenessProbe", "readinessProbe", "startupProbe"]) {
    const probe = container[kind];
    if (!isObject(probe)) continue;
    fill(probe, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 });
    if (isObject(probe["httpGet"])) fill(probe["httpGet"], { path: "/", scheme: "HTTP" });
  }
}

function isFloating(image: unknown): boolean {
  if (typeof image !== "string" || image.includes("@")) return false;
  const name = image.slice(image.lastIndexOf("/") + 1);
  return !name.includes(":") || name.endsWith(":latest");
}

function fillVolume(volume: JsonObject): void {
  if (Object.keys(volume).length === 1) volume["emptyDir"] = {};
  for (const source of ["configMap", "secret", "downwardAPI", "projected"]) {
    if (isObject(volume[source])) fill(volume[source], { defaultMode: 420 });
  }
}
