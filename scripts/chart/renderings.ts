/** What the chart is rendered to in this repository: golden files of the tests, and plain manifests. */

export const CHART = "helm/connector";
export const RELEASE = "neuralops-connector";
export const NAMESPACE = "neuralops";
const DEFINITION = `${CHART}/crds/workpackageexecutions.yaml`;

export interface Rendering {
  readonly path: string;
  /** Arguments of `helm template`. */
  readonly args: readonly string[];
  /** From what helm printed to what the file holds. */
  finish(text: string): Promise<string>;
}

const template = ["template", RELEASE, CHART, "--namespace", NAMESPACE, "--kube-version", "1.35.0"];

/** Values beside each golden file; together they reach every template and every mode. */
export const CASES = ["minimal", "daemonset", "deployment", "single", "sidecar"] as const;

export function goldenPath(name: string): string {
  return `tests/testdata/helm/${name}.golden.yaml`;
}

export function valuesPath(name: string): string {
  return `tests/testdata/helm/${name}.values.yaml`;
}

const goldens: readonly Rendering[] = CASES.map((name) => ({
  path: goldenPath(name),
  args: [...template, "--values", valuesPath(name)],
  finish: (text) => Promise.resolve(text),
}));

const manifests: readonly Rendering[] = (["daemonset", "deployment", "sidecar"] as const).map(
  (mode) => ({
    path: `docs/manifests/${mode}.yaml`,
    args: [
      ...[...template, "--skip-tests", "--values", "docs/manifests/values.yaml"],
      ...["--set", `mode=${mode}`],
    ],
    finish: async (text) => plain(mode, text, await Deno.readTextFile(DEFINITION)),
  }),
);

export const RENDERINGS: readonly Rendering[] = [...goldens, ...manifests];

/** For `kubectl apply -f`: nothing in it that speaks of Helm, and all that it needs. */
function plain(mode: string, text: string, definition: string): string {
  const own = text.split("\n").filter((line) => !OF_HELM.test(line)).join("\n")
    .replaceAll(/^ *annotations:\n(?=\S)/gm, "");
  return `# The connector without Helm, mode ${mode}. Made from helm/connector by \`deno task manifests\`, with the
# values of docs/manifests/values.yaml: change image, cluster, addresses, key and policy here, and with the
# policy the Roles. The Secret ${RELEASE}-tls, of type kubernetes.io/tls, is yours to make.
#
#   kubectl apply -f docs/manifests/${mode}.yaml
apiVersion: v1
kind: Namespace
metadata:
  name: ${NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: restricted
---
${definition}${own}`;
}

const OF_HELM = /^# Source: |^ *(helm\.sh\/\S+|app\.kubernetes\.io\/managed-by): /;
