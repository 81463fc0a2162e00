/** What the server refuses with 422 although it could decode it. Messages follow the real ones. */
import { type Cause, fieldError } from "./api_error.ts";
import {
  equals,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  objectAt,
  objectsIn,
} from "./json.ts";

const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const MAX_NAME_LENGTH = 253;

const SUBDOMAIN_RULE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', " +
  "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for " +
  "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

const TEMPLATED = new Set(["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"]);

function required(field: string, detail = ""): Cause {
  return fieldError("FieldValueRequired", field, `Required value${detail ? `: ${detail}` : ""}`);
}

function wrong(field: string, value: Json | undefined, why: string): Cause {
  const text = `Invalid value: ${JSON.stringify(value ?? null)}: ${why}`;
  return fieldError("FieldValueInvalid", field, text);
}

function prohibited(field: string, why: string): Cause {
  return fieldError("FieldValueForbidden", field, `Forbidden: ${why}`);
}

export function validate(object: KubeObject, live: KubeObject | null): Cause[] {
  return [
    ...validateName(object),
    ...(TEMPLATED.has(object.kind) ? validateWorkload(object) : []),
    ...(object.kind === "Job" ? validatePodSpec(objectAt(object, "spec", "template", "spec")) : []),
    ...(object.kind === "Lease" ? validateLease(objectAt(object, "spec") ?? {}) : []),
    ...(object.kind === "CronJob"
      ? validatePodSpec(
        objectAt(object, "spec", "jobTemplate", "spec", "template", "spec"),
        "spec.jobTemplate.spec.template.spec",
      )
      : []),
    ...(object.kind === "Pod" ? validatePodSpec(objectAt(object, "spec"), "spec") : []),
    ...(live ? validateChange(object, live) : []),
  ];
}

function validateName({ kind, metadata: { name } }: KubeObject): Cause[] {
  if (!name) return [required("metadata.name", "name or generateName is required")];
  if (kind === "Role" || kind === "RoleBinding") return [];
  const isValid = name.length <= MAX_NAME_LENGTH && DNS_SUBDOMAIN.test(name);
  return isValid ? [] : [wrong("metadata.name", name, SUBDOMAIN_RULE)];
}

function validateWorkload(object: KubeObject): Cause[] {
  const spec = objectAt(object, "spec") ?? {};
  const causes: Cause[] = [];
  const wanted = objectAt(spec, "selector", "matchLabels");
  const labels = objectAt(spec, "template", "metadata", "labels");
  if (!spec["selector"]) causes.push(required("spec.selector"));
  else if (wanted && !Object.entries(wanted).every(([key, value]) => labels?.[key] === value)) {
    const why = "`selector` does not match template `labels`";
    causes.push(wrong("spec.template.metadata.labels", labels, why));
  }
  const replicas = spec["replicas"];
  if (typeof replicas === "number" && replicas < 0) {
    causes.push(wrong("spec.replicas", replicas, "must be greater than or equal to 0"));
  }
  return [...causes, ...validatePodSpec(objectAt(spec, "template", "spec"))];
}

function validatePodSpec(spec: JsonObject | undefined, path = "spec.template.spec"): Cause[] {
  const containers = objectsIn(spec?.["containers"]);
  if (containers.length === 0) return [required(`${path}.containers`)];
  return containers.flatMap((container, index) => {
    const here = `${path}.containers[${index}]`;
    return [
      ...["name", "image"].filter((field) => !container[field])
        .map((field) => required(`${here}.${field}`)),
      ...PROBES.filter((probe) => {
        const value = container[probe];
        return isObject(value) && !HANDLERS.some((handler) => value[handler]);
      }).map((probe) => required(`${here}.${probe}`, "must specify a handler type")),
    ];
  });
}

const PROBES = ["livenessProbe", "readinessProbe", "startupProbe"];
const HANDLERS = ["exec", "grpc", "httpGet", "tcpSocket"];

function validateLease({ leaseDurationSeconds: duration, leaseTransitions: count }: JsonObject) {
  const causes: Cause[] = [];
  if (typeof duration === "number" && duration <= 0) {
    causes.push(wrong("spec.leaseDurationSeconds", duration, "must be greater than 0"));
  }
  if (typeof count === "number" && count < 0) {
    causes.push(wrong("spec.leaseTransitions", count, "must be greater than or equal to 0"));
  }
  return causes;
}

/** Fields that stay as they were created. */
const IMMUTABLE: Record<string, readonly (readonly [path: string, why: string])[]> = {
  Deployment: [["spec.selector", "field is immutable"]],
  DaemonSet: [["spec.selector", "field is immutable"]],
  ReplicaSet: [["spec.selector", "field is immutable"]],
  Job: [["spec.selector", "field is immutable"], ["spec.template", "field is immutable"]],
  Service: [["spec.clusterIP", "may not change once set"]],
  Secret: [["type", "field is immutable"]],
  RoleBinding: [["roleRef", "cannot change roleRef"]],
};

const STATEFUL_SET_FIXED = [
  "selector",
  "serviceName",
  "podManagementPolicy",
  "volumeClaimTemplates",
];

function validateChange(object: KubeObject, live: KubeObject): Cause[] {
  const added = (object.metadata.finalizers ?? [])
    .filter((finalizer) => !live.metadata.finalizers?.includes(finalizer));
  const causes = (IMMUTABLE[object.kind] ?? [])
    .filter(([path]) => !equals(valueAt(object, path), valueAt(live, path)))
    .map(([path, why]) => wrong(path, valueAt(object, path), why));
  if (live.metadata.deletionTimestamp && added.length > 0) {
    const list = added.map((finalizer) => JSON.stringify(finalizer)).join(", ");
    const why = "no new finalizers can be added if the object is being deleted, found new " +
      `finalizers []string{${list}}`;
    causes.push(prohibited("metadata.finalizers", why));
  }
  if (object.kind === "StatefulSet") {
    const changed = STATEFUL_SET_FIXED.some((field) =>
      !equals(valueAt(object, `spec.${field}`), valueAt(live, `spec.${field}`))
    );
    const why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', " +
      "'template', 'updateStrategy', 'revisionHistoryLimit', " +
      "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
    if (changed) causes.push(prohibited("spec", why));
  }
  const isData = object.kind === "ConfigMap" || object.kind === "Secret";
  if (isData && live["immutable"] === true) {
    for (const field of ["data", "binaryData", "immutable"]) {
      if (!equals(object[field], live[field])) {
        causes.push(prohibited(field, "field is immutable when `immutable` is set"));
      }
    }
  }
  return causes;
}

function valueAt(object: KubeObject, path: string): Json | undefined {
  const fields = path.split(".");
  return objectAt(object, ...fields.slice(0, -1))?.[fields.at(-1)!];
}
