/** Work packages as an author writes them, for the embedded cluster's namespace `shop`. */

let sequence = 0;

export interface PackageParts {
  readonly clusterId: string;
  /** YAML documents. */
  readonly manifest: string;
  /** How long it may take to become healthy, as the package says it; default: 30s. */
  readonly timeout?: string;
}

export function workPackage(
  { clusterId, manifest, timeout = "30s" }: PackageParts,
): Uint8Array<ArrayBuffer> {
  const now = Date.now();
  const iso = (ms: number) => new Date(ms).toISOString();
  const indented = manifest.trim().split("\n").map((line) => `          ${line}`).join("\n");
  sequence += 1;
  return new TextEncoder().encode(`apiVersion: neuralops.io/v1
kind: WorkPackage
metadata: { name: real-${sequence}, stream: real, sequence: ${sequence} }
spec:
  target: { clusterIds: [${clusterId}] }
  notBefore: ${iso(now - 60_000)}
  expiresAt: ${iso(now + 3_600_000)}
  risk: low
  reason: the suite on real peers
  actions:
    - apply:
        manifest: |
${indented}
  wait: { timeout: ${timeout} }
  onFailure: rollback
`);
}

export function deployment(name: string, image: string, replicas = 2): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: shop }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: app, image: "${image}" }] }
`;
}

export function configMap(name: string, data: Readonly<Record<string, string>>): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "shop" },
    data,
  });
}
