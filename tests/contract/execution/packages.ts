/** Policies and manifests of a case's namespace. */
import { applyAction, configMap, deployment } from "../../fakes/execution_stand.ts";

/** Where the case may make a namespace, and which group is its own. */
export const madeNamespace = (namespace: string) => `${namespace}-made`;
export const groupOf = (namespace: string) => `${namespace}.example.org`;

/** @param more top-level keys */
export function manualPolicy(namespace: string, more = "", rule = ""): string {
  return `apiVersion: neuralops.io/v1
kind: ExecutionPolicy
maxObjects: 100
allow:
  - name: case
    namespaces: [${namespace}*]
    clusterScoped: true
    kinds:
      - apps/v1/Deployment
      - v1/ConfigMap
      - v1/Secret
      - v1/Namespace
      - apiextensions.k8s.io/v1/CustomResourceDefinition
      - ${groupOf(namespace)}/v1/Gadget
    actions: [apply, scale, restart, delete]
${rule}${more}`;
}

export function autoPolicy(namespace: string, rule = ""): string {
  return manualPolicy(namespace, "mode: auto\nauto: { maxRisk: low }\n", rule);
}

/** From `inMinutes` on, for twenty minutes; a line of a rule. */
export function windowIn(inMinutes: number): string {
  const at = (minutes: number) =>
    new Date(Date.now() + minutes * 60_000).toISOString().slice(11, 16);
  return `    windows: [{ from: "${at(inMinutes)}", to: "${
    at(inMinutes + 20)
  }", timeZone: UTC }]\n`;
}

export function apply(...manifests: string[]): string {
  return manifests.map(applyAction).join("\n");
}

export function map(namespace: string, name: string, data: Record<string, string>): string {
  return configMap(name, data, namespace);
}

export function secret(namespace: string, name: string): string {
  return `apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: ${namespace} }
stringData: { token: quite-secret }`;
}

/** @param deadlineSeconds when its rollout is given up; a broken one at once */
export function web(
  namespace: string,
  tag: string,
  deadlineSeconds = tag === "broken" ? 1 : 600,
): string {
  return deployment("web", `registry.local/web:${tag}`, 2, namespace)
    .replace("  replicas:", `  progressDeadlineSeconds: ${deadlineSeconds}\n  replicas:`);
}

export function namespaceManifest(name: string): string {
  return `apiVersion: v1\nkind: Namespace\nmetadata: { name: ${name} }`;
}
