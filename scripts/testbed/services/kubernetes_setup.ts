/** What a platform engineer would create in a new cluster before the connector comes. */
import { parseAllDocuments } from "yaml";
import type { Certificate } from "../../../src/embedded/pki.ts";
import { withClient } from "../readiness.ts";
import { kubeconfig } from "./kubernetes_files.ts";
import type { RunningKubernetes } from "./kubernetes.ts";
import type { Service } from "./service.ts";

const APPLY = "fieldManager=testbed&force=true";
export const NAMESPACE = "neuralops";
export const SERVICE_ACCOUNT = "neuralops-connector";
const TOKEN_SECONDS = 48 * 3600;
/** As they are shipped: the journal's definition, and who may write it. */
const SHIPPED = [
  "helm/connector/crds/workpackageexecutions.yaml",
  "docs/examples/journal-rbac.yaml",
];

const nodes = ["node-1", "node-2"].map((name) => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: {
    name,
    labels: { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", type: "kwok" },
  },
}));
const namespaces = [NAMESPACE, "shop"].map((name) => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name },
}));
const role = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRole",
  metadata: { name: "neuralops-connector" },
  rules: [
    {
      apiGroups: [""],
      resources: ["namespaces"],
      verbs: ["get", "create", "delete"],
    },
    {
      apiGroups: ["apps", ""],
      resources: ["deployments", "configmaps"],
      verbs: ["get", "list", "create", "patch", "delete"],
    },
    {
      apiGroups: ["coordination.k8s.io"],
      resources: ["leases"],
      verbs: ["get", "create", "update"],
    },
  ],
};
const serviceAccount = {
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: { name: SERVICE_ACCOUNT, namespace: NAMESPACE },
};

const bindings = [
  binding("neuralops-connector", [
    { kind: "Group", apiGroup: "rbac.authorization.k8s.io", name: "neuralops:connectors" },
    { kind: "ServiceAccount", name: SERVICE_ACCOUNT, namespace: NAMESPACE },
  ]),
  // So that Vault can have service account tokens reviewed, with the reviewed token's own rights.
  binding("system:auth-delegator", [
    { kind: "ServiceAccount", name: SERVICE_ACCOUNT, namespace: NAMESPACE },
  ]),
];

export interface ClusterSetup {
  /** A token of the connector's service account, good for two days. */
  readonly serviceAccountToken: string;
}

export async function setUpCluster(
  service: Service,
  { url }: RunningKubernetes,
  admin: Certificate,
): Promise<ClusterSetup> {
  return await withClient(service.caller(admin), async (client) => {
    const call = async (method: string, path: string, body: unknown, type: string) => {
      const response = await fetch(`${url}${path}`, {
        method,
        client,
        headers: { "content-type": type },
        body: JSON.stringify(body),
      });
      const answer = await response.json();
      if (!response.ok) throw new Error(`${method} ${path}: ${answer.message}`);
      return answer;
    };
    const own = [...namespaces, ...nodes, role, serviceAccount, ...bindings];
    for (const object of [...own, ...await readShipped()]) {
      await call("PATCH", `${pathOf(object)}?${APPLY}`, object, "application/apply-patch+yaml");
    }
    const { status } = await call("POST", `${pathOf(serviceAccount)}/token`, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: TOKEN_SECONDS },
    }, "application/json");
    await service.write("service-account.token", status.token);
    await service.write("token.kubeconfig", kubeconfig(url, service.pki.caPem, status.token));
    return { serviceAccountToken: status.token };
  });
}

async function readShipped(): Promise<Applied[]> {
  const texts = await Promise.all(SHIPPED.map((path) => Deno.readTextFile(path)));
  return texts.flatMap((text) => parseAllDocuments(text)).map((document) => document.toJS())
    .filter((object) => object !== null);
}

interface Applied {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

function pathOf({ apiVersion, kind, metadata: { name, namespace } }: Applied): string {
  const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const where = namespace === undefined ? "" : `/namespaces/${namespace}`;
  return `${group}${where}/${kind.toLowerCase()}s/${encodeURIComponent(name)}`;
}

function binding(roleName: string, subjects: readonly Record<string, string>[]) {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: `neuralops-connector-${roleName.replaceAll(":", "-")}` },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: roleName },
    subjects,
  };
}
