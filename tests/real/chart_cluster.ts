/** The chart on a cluster of the testbed, in a namespace of its own that lets nothing but "restricted" in. */
import assert from "node:assert/strict";
import { CHART } from "../../scripts/chart/renderings.ts";
import type { RunningKubernetes } from "../../scripts/testbed/services/kubernetes.ts";
import { createPki } from "../../src/embedded/pki.ts";
import { helm, withFile, withValues } from "./chart.ts";
import { kubectl } from "./kubectl.ts";

export const RELEASE = "neuralops-connector";
const SECRET = "neuralops-connector-tls";

export const SMALLEST = {
  image: { repository: "localhost/neuralops-connector" },
  config: {
    clusterName: "real-1",
    controlPlane: { url: "https://connect.neuralops.example" },
    vault: { address: "https://vault.example.com:8200" },
  },
  listener: { tls: { secretName: SECRET } },
};

export interface ChartPlace {
  readonly cluster: RunningKubernetes;
  readonly namespace: string;
  /** Throws unless it succeeds; what it says, warnings of the API server included. */
  helm(...args: string[]): Promise<string>;
  /** Of this namespace, as the administrator. */
  kubectl(...args: string[]): Promise<string>;
  /** `install` or `upgrade`; waits until its pods are ready. */
  release(command: "install" | "upgrade", values: unknown): Promise<string>;
  // deno-lint-ignore no-explicit-any
  get(kind: string, name?: string): Promise<any>;
}

export async function withChartPlace(
  cluster: RunningKubernetes,
  work: (place: ChartPlace) => Promise<void>,
): Promise<void> {
  const namespace = `chart-${crypto.randomUUID().slice(0, 8)}`;
  const place = placeOf(cluster, namespace);
  await kubectl(cluster, "create", "namespace", namespace);
  try {
    const level = "pod-security.kubernetes.io/enforce=restricted";
    await kubectl(cluster, "label", "namespace", namespace, level);
    await makeCertificate(place);
    await work(place);
  } finally {
    await helm("uninstall", RELEASE, "--ignore-not-found", ...target(cluster, namespace));
    await kubectl(cluster, "delete", "namespace", namespace, "--wait=false");
  }
}

function placeOf(cluster: RunningKubernetes, namespace: string): ChartPlace {
  const place: ChartPlace = {
    cluster,
    namespace,
    async helm(...args) {
      const { code, stdout, stderr } = await helm(...args, ...target(cluster, namespace));
      assert.equal(code, 0, `helm ${args.join(" ")}: ${stderr}`);
      return stdout + stderr;
    },
    kubectl: (...args) => kubectl(cluster, "-n", namespace, ...args),
    release: (command, values) =>
      withValues(
        values,
        (path) =>
          place.helm(command, RELEASE, CHART, "--values", path, "--wait", "--timeout", "45s"),
      ),
    async get(kind, name = RELEASE) {
      return JSON.parse(await place.kubectl("get", kind, name, "-o", "json"));
    },
  };
  return place;
}

function target({ folder }: RunningKubernetes, namespace: string): string[] {
  return ["--kubeconfig", `${folder}/admin.kubeconfig`, "--namespace", namespace];
}

export async function makeCertificate({ kubectl }: Pick<ChartPlace, "kubectl">): Promise<void> {
  const { certPem, keyPem } = await (await createPki()).issue("connector listener");
  await withFile("tls.crt", certPem, (cert) =>
    withFile(
      "tls.key",
      keyPem,
      (key) => kubectl("create", "secret", "tls", SECRET, `--cert=${cert}`, `--key=${key}`),
    ));
}
