/** What the server hands out itself at creation: cluster addresses, generated names and selectors. */
import { isObject, type JsonObject, type KubeObject, objectAt } from "./json.ts";
import { fill } from "./pod_defaults.ts";

const INITIAL_STATUS: Record<string, JsonObject> = {
  Namespace: { phase: "Active" },
  Service: { loadBalancer: {} },
  Ingress: { loadBalancer: {} },
  Pod: { phase: "Pending", qosClass: "BestEffort" },
  PersistentVolumeClaim: { phase: "Pending" },
};

const ALLOCATED_FIELDS = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"];
const SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_LENGTH = 5;

export function generateName(prefix: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SUFFIX_LENGTH));
  return prefix + [...bytes].map((byte) => SUFFIX_LETTERS[byte % SUFFIX_LETTERS.length]).join("");
}

export function initialStatus(kind: string): JsonObject {
  return structuredClone(INITIAL_STATUS[kind] ?? {});
}

/** @param serial grows with every write, so that no two services share an address. */
export function allocate(object: KubeObject, serial: number): void {
  const spec = objectAt(object, "spec");
  if (!spec) return;
  if (object.kind === "Service" && spec["type"] !== "ExternalName") {
    const host = (serial % 65_000) + 10;
    fill(spec, { clusterIP: `10.96.${host >> 8}.${host & 255}` });
    fill(spec, {
      clusterIPs: [spec["clusterIP"]!],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
    });
  }
  if (object.kind === "Job" && !isObject(spec["selector"])) selectOwnPods(object, spec);
}

function selectOwnPods(job: KubeObject, spec: JsonObject): void {
  const labels = { "batch.kubernetes.io/controller-uid": job.metadata.uid ?? "" };
  spec["selector"] = { matchLabels: labels };
  const template = objectAt(spec, "template");
  if (!template) return;
  const metadata = objectAt(template, "metadata") ?? {};
  const named = { ...labels, "batch.kubernetes.io/job-name": job.metadata.name };
  template["metadata"] = { ...metadata, labels: { ...objectAt(metadata, "labels"), ...named } };
}

/** An update that leaves out what was allocated keeps it. */
export function keepAllocated(object: KubeObject, live: KubeObject): void {
  const spec = objectAt(object, "spec");
  const before = objectAt(live, "spec");
  if (object.kind !== "Service" || !spec || !before || spec["type"] === "ExternalName") return;
  for (const field of ALLOCATED_FIELDS) {
    if (before[field] !== undefined) fill(spec, { [field]: before[field] });
  }
}
