/** The journal's contract on real API servers, with the definition and the rights as they are shipped. */
import { KubernetesApi } from "../../src/adapters/kubernetes/api.ts";
import { loadCredentials } from "../../src/adapters/kubernetes/credentials.ts";
import { SecretMask } from "../../src/log.ts";
import { systemRuntime } from "../../src/runtime_deno.ts";
import { openClusterTarget } from "../contract/journal/cluster_target.ts";
import { poll } from "../contract/contract.ts";
import { JOURNAL_CONTRACT } from "../contract/journal/suite.ts";
import { kubectl, tryKubectl } from "./kubectl.ts";
import { KUBERNETES, runningOf } from "./kubernetes_peers.ts";
import { realTest } from "./peers.ts";

const RIGHTS = "docs/examples/journal-rbac.yaml";
/** The connectors' user, who may do what the shipped role says and no more. */
const USER = "connector";
const LIMIT_MS = 30_000;

for (const peer of KUBERNETES) {
  realTest(`journal keeps its contract on ${peer}`, [peer, "kubectl"], async (context) => {
    const cluster = runningOf(peer);
    const runtime = systemRuntime();
    const { clock, files } = runtime;
    const kubeconfig = `./${cluster.folder}/${USER}.kubeconfig`;
    const around = { files, clock, mask: new SecretMask(), env: () => undefined };
    const api = new KubernetesApi(
      runtime,
      await loadCredentials({ mode: "kubeconfig", kubeconfig }, around),
    );
    try {
      for (const { name, run } of JOURNAL_CONTRACT) {
        await context.step(name, async () => {
          const namespace = `journal-${crypto.randomUUID().slice(0, 8)}`;
          await kubectl(cluster, "create", "namespace", namespace);
          const rights = (await Deno.readTextFile(RIGHTS))
            .replaceAll("namespace: neuralops", `namespace: ${namespace}`);
          const path = `./reports/${namespace}.yaml`;
          await Deno.writeTextFile(path, rights);
          try {
            await kubectl(cluster, "apply", "-f", path);
            const list = ["-n", namespace, "get", "wpx,secrets"];
            await poll(
              "the API server knows the rights",
              LIMIT_MS,
              async () => (await tryKubectl(cluster, USER, ...list)).code === 0,
            );
            await using target = await openClusterTarget(api, namespace, async () => {
              await kubectl(cluster, "delete", "namespace", namespace, "--wait=false");
            });
            await run(target);
          } finally {
            await Deno.remove(path);
          }
        });
      }
    } finally {
      api.close();
    }
  });
}
