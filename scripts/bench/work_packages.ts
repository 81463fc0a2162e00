/** What is sent: one Deployment whose annotation each package changes. */

const HOUR_MS = 3_600_000;

export interface Workload {
  readonly namespace: string;
  readonly name: string;
}

/** @param run makes each one different from the last, so that no apply is without effect */
export function deployment({ namespace, name }: Workload, run: string) {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, annotations: { "bench.neuralops.io/run": run } },
    spec: {
      // No pods: their rollout is no part of what is measured, and would only keep the processors busy.
      replicas: 0,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: "app", image: "registry.example/app:1.0" }] },
      },
    },
  };
}

export interface PackageSpec {
  readonly clusterId: string;
  readonly sequence: number;
  readonly manifest: object;
}

/** JSON is YAML. */
export function workPackage({ clusterId, sequence, manifest }: PackageSpec) {
  const nowMs = Date.now();
  return new TextEncoder().encode(JSON.stringify({
    apiVersion: "neuralops.io/v1",
    kind: "WorkPackage",
    metadata: { name: `bench-${sequence}`, stream: "bench", sequence },
    spec: {
      target: { clusterIds: [clusterId] },
      notBefore: new Date(nowMs - HOUR_MS).toISOString(),
      expiresAt: new Date(nowMs + HOUR_MS).toISOString(),
      risk: "low",
      reason: "deno task bench:execute",
      actions: [{ apply: { manifest: JSON.stringify(manifest) } }],
      wait: { timeout: "30s" },
      onFailure: "rollback",
    },
  }));
}
