/** The chart's life on real API servers; its pods are simulated, the admission of "restricted" is not. */
import assert from "node:assert/strict";
import { parseObjects } from "../fakes/chart_objects.ts";
import { poll } from "../contract/contract.ts";
import { withFile } from "./chart.ts";
import { type ChartPlace, RELEASE, SMALLEST, withChartPlace } from "./chart_cluster.ts";
import { kubectl, tryKubectl } from "./kubectl.ts";
import { KUBERNETES, runningOf } from "./kubernetes_peers.ts";
import { realTest } from "./peers.ts";

const LIMIT_MS = 30_000;
const POLICY = {
  allow: [{ name: "shop", namespaces: ["shop"], kinds: ["v1/ConfigMap"], actions: ["apply"] }],
};
const WARNINGS = /would violate|Warning|warning:/;

const checksumOf = async (place: ChartPlace, kind = "daemonset") =>
  (await place.get(kind)).spec.template.metadata.annotations["neuralops.io/config-checksum"];
const holderOf = async (place: ChartPlace) => (await place.get("lease")).spec.holderIdentity;

for (const peer of KUBERNETES) {
  const needs = [peer, "helm", "kubectl"];

  realTest(`chart is installed, tested, upgraded, rolled back and uninstalled (${peer})`, needs, (
    context,
  ) =>
    withChartPlace(runningOf(peer), async (place) => {
      const step = (name: string, work: () => Promise<void>) => context.step(name, work);
      let first = "";
      await step("install: a pod on each node, and what to do next", async () => {
        const said = await place.release("install", SMALLEST);
        assert.doesNotMatch(said, WARNINGS);
        assert.match(said, /Nothing is allowed: policy is empty/);
        assert.match(said, new RegExp(`helm -n ${place.namespace} test ${RELEASE}`));
        const { status } = await place.get("daemonset");
        assert.equal(status.numberReady, 2);
        first = await checksumOf(place);
      });
      await step(
        "helm test: its pod is let in, and ends well where pods are simulated",
        async () => {
          assert.match(await place.helm("test", RELEASE, "--timeout", "45s"), /Phase: +Succeeded/);
        },
      );
      await step("an upgrade that changes nothing leaves the pods", async () => {
        await place.release("upgrade", SMALLEST);
        assert.equal((await place.get("daemonset")).metadata.generation, 1);
      });
      await step(
        "an upgrade with a policy rolls them, and takes the Lease from nobody",
        async () => {
          const spec = { spec: { holderIdentity: "somebody_1" } };
          await place.kubectl(
            "patch",
            "lease",
            RELEASE,
            "--type=merge",
            "-p",
            JSON.stringify(spec),
          );
          await place.release("upgrade", { ...SMALLEST, policy: POLICY });
          assert.notEqual(await checksumOf(place), first);
          assert.equal(await holderOf(place), "somebody_1");
        },
      );
      await step("a rollback takes the rights back too", async () => {
        const role = ["-n", "shop", "get", "role", `${RELEASE}-policy`];
        await kubectl(place.cluster, ...role);
        await place.helm("rollback", RELEASE, "1", "--wait", "--timeout", "45s");
        assert.equal(await checksumOf(place), first);
        assert.equal((await tryKubectl(place.cluster, "admin", ...role)).code, 1);
        assert.equal(await holderOf(place), "somebody_1");
      });
      await step("another mode takes the place of the one before", async () => {
        const state = { type: "emptyDir" };
        const values = { ...SMALLEST, mode: "deployment", deployment: { replicas: 2 }, state };
        assert.doesNotMatch(await place.release("upgrade", values), WARNINGS);
        assert.equal((await place.get("deployment")).status.readyReplicas, 2);
        assert.equal((await place.get("poddisruptionbudget")).spec.maxUnavailable, 1);
        await poll(
          "the DaemonSet is gone",
          LIMIT_MS,
          async () => (await place.kubectl("get", "daemonset", "-o", "name")) === "",
        );
      });
      await step("uninstall leaves the Lease and the executions' definition", async () => {
        await place.helm("uninstall", RELEASE, "--wait", "--timeout", "45s");
        const kinds = "all,configmaps,roles,rolebindings,networkpolicies,serviceaccounts,leases";
        const selector = `app.kubernetes.io/instance=${RELEASE}`;
        const left = await place.kubectl("get", kinds, "-l", selector, "-o", "name");
        assert.equal(left.trim(), `lease.coordination.k8s.io/${RELEASE}`);
        await place.kubectl("get", "wpx");
      });
      await step("and can be installed again", async () => {
        await place.release("install", { ...SMALLEST, policy: POLICY });
        assert.equal(await holderOf(place), "somebody_1");
        // Had the fence gone meanwhile, Kubernetes 1.30 would see no other holder any more.
        const spec = { spec: { holderIdentity: "other_1" } };
        await place.kubectl("patch", "lease", RELEASE, "--type=merge", "-p", JSON.stringify(spec));
        await poll("the fence follows the Lease", LIMIT_MS, async () =>
          /not_leader: .* its holder is "other_1"/.test(await changeAsConnector(place)));
      });
    }));

  realTest(
    `chart's patch puts a sidecar into a workload of others (${peer})`,
    needs,
    () =>
      withChartPlace(runningOf(peer), async (place) => {
        await place.release("install", { ...SMALLEST, mode: "sidecar" });
        await withFile(
          "own.json",
          JSON.stringify(ownDeployment()),
          (path) => place.kubectl("apply", "-f", path),
        );
        const { data } = await place.get("configmap", `${RELEASE}-sidecar`);
        assert.equal(parseObjects(data["patch.yaml"]).length, 1);
        await withFile("patch.yaml", data["patch.yaml"], async (path) => {
          const { code, stderr } = await tryKubectl(
            place.cluster,
            "admin",
            ...["-n", place.namespace, "patch", "deployment", "checkout", "--patch-file", path],
          );
          assert.equal(code, 0, stderr);
          assert.doesNotMatch(stderr, WARNINGS);
        });
        await place.kubectl("rollout", "status", "deployment/checkout", "--timeout=45s");
        const { spec } = (await place.get("deployment", "checkout")).spec.template;
        const names = spec.containers.map(({ name }: { name: string }) => name);
        assert.deepEqual(names.sort(), ["checkout", "neuralops-connector"]);
        assert.equal(spec.serviceAccountName, RELEASE);
      }),
  );

  realTest(
    `docs/manifests are applied without Helm (${peer})`,
    needs,
    () =>
      withChartPlace(runningOf(peer), async (place) => {
        for (const mode of ["daemonset", "deployment"]) {
          const text = await Deno.readTextFile(`docs/manifests/${mode}.yaml`);
          // As their reader replaces the namespace.
          const own = text.replaceAll(
            /\bneuralops(?=$|:neuralops-connector|-neuralops-connector)/gm,
            place.namespace,
          );
          await withFile(`${mode}.yaml`, own, async (path) => {
            const apply = ["apply", "--server-side", "--force-conflicts", "-f", path];
            const dry = await tryKubectl(place.cluster, "admin", ...apply, "--dry-run=server");
            assert.equal(dry.code, 0, dry.stderr);
            const { code, stderr } = await tryKubectl(place.cluster, "admin", ...apply);
            assert.equal(code, 0, stderr);
            assert.doesNotMatch(stderr, WARNINGS);
            if (mode === "daemonset") {
              await place.kubectl("rollout", "status", `${mode}/${RELEASE}`, "--timeout=45s");
            }
            // The definition belongs to the cluster.
            const objects = parseObjects(own).filter(({ kind }) =>
              kind !== "CustomResourceDefinition" && kind !== "Namespace"
            );
            await withFile(
              "made.json",
              JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }),
              (made) => kubectl(place.cluster, "delete", "--wait=false", "-f", made),
            );
          });
        }
      }),
  );
}

/** What the API server says to a change that its rights allow the connector. */
async function changeAsConnector({ cluster, namespace }: ChartPlace): Promise<string> {
  const create = ["create", "configmap", "fenced", "--from-literal=a=b", "--dry-run=server"];
  const user = `--as=system:serviceaccount:${namespace}:${RELEASE}`;
  return (await tryKubectl(cluster, "admin", "-n", "shop", ...create, user)).stderr;
}

/** Someone's workload, which keeps to "restricted" as well. */
function ownDeployment(): unknown {
  const securityContext = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
    runAsNonRoot: true,
    seccompProfile: { type: "RuntimeDefault" },
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "checkout" },
    spec: {
      selector: { matchLabels: { app: "checkout" } },
      template: {
        metadata: { labels: { app: "checkout" } },
        spec: { containers: [{ name: "checkout", image: "checkout:1", securityContext }] },
      },
    },
  };
}
