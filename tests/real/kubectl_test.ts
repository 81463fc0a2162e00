/** The real kubectl and helm on the embedded Kubernetes API: what they need of it, it must be able to do. */
import assert from "node:assert/strict";
import { cli } from "./agent_process.ts";
import type { Ground } from "./ground.ts";
import { pushAccepted, registeredCluster, untilReceipt } from "./orchestrator.ts";
import { configMap, deployment, workPackage } from "./package.ts";
import { programOf, realTest } from "./peers.ts";
import { type Finished, runToEnd } from "./process.ts";
import { trustNewSigner, withAgent, withGround } from "./running_agent.ts";

/** Validation is off: it would ask for OpenAPI documents, which the embedded server does not have. */
const APPLY = ["apply", "--server-side", "--validate=false"];

realTest(
  "kubectl works on the embedded Kubernetes API",
  ["kubectl"],
  (context) =>
    withGround(async (ground) => {
      const step = (name: string, work: () => Promise<void>) => context.step(name, work);
      const kubectl = await kubectlOn(ground);
      const file = await ground.write("deployment.yaml", deployment("web", "shop:1"));
      await step("get namespaces", async () => {
        const names = (await kubectl("get", "namespaces", "-o", "name")).stdout.trim().split("\n");
        assert.deepEqual(names.sort(), [
          "namespace/default",
          "namespace/kube-system",
          "namespace/shop",
        ]);
      });
      await step("apply --server-side", async () => {
        const { stdout } = await kubectl(...APPLY, "-f", file);
        assert.equal(stdout.trim(), "deployment.apps/web serverside-applied");
        const again = await kubectl(...APPLY, "-f", file);
        assert.equal(again.stdout.trim(), "deployment.apps/web serverside-applied");
      });
      await step("rollout status", async () => {
        const { stdout } = await kubectl("rollout", "status", "-n", "shop", "deployment/web");
        assert.match(stdout, /successfully rolled out/);
      });
      await step("get with managed fields", async () => {
        const { stdout } = await kubectl(
          ...["get", "deployment", "-n", "shop", "web", "-o", "json", "--show-managed-fields"],
        );
        const { metadata } = JSON.parse(stdout);
        const managers = metadata.managedFields.map((
          { manager, operation }: Record<string, string>,
        ) => `${manager} ${operation}`);
        assert.ok(managers.includes("kubectl Apply"), managers.join(", "));
      });
      await step("apply --dry-run=server changes nothing", async () => {
        const changed = await ground.write("changed.yaml", deployment("web", "shop:2"));
        await kubectl(
          ...APPLY,
          "--dry-run=server",
          "-f",
          changed,
        );
        const image = "jsonpath={.spec.template.spec.containers[0].image}";
        const { stdout } = await kubectl("get", "deploy", "-n", "shop", "web", "-o", image);
        assert.equal(stdout, "shop:1");
      });
      await step("scale", async () => {
        await kubectl("scale", "-n", "shop", "deployment/web", "--replicas=3");
        const { stdout } = await kubectl(
          ...["get", "deploy", "-n", "shop", "web", "-o", "jsonpath={.spec.replicas}"],
        );
        assert.equal(stdout, "3");
      });
      await step("patch --type=merge", async () => {
        const patch = JSON.stringify({ metadata: { labels: { team: "shop" } } });
        await kubectl("patch", "-n", "shop", "deployment/web", "--type=merge", "--patch", patch);
        const { stdout } = await kubectl(
          "get",
          "deploy",
          "-n",
          "shop",
          "-l",
          "team=shop",
          "-o",
          "name",
        );
        assert.equal(stdout.trim(), "deployment.apps/web");
      });
      await step("what it does not speak is refused as such", async () => {
        const failing = await kubectlOn(ground, { mayFail: true });
        // A strategic merge patch, and a body in protobuf: the connector sends neither.
        const restart = await failing("rollout", "restart", "-n", "shop", "deployment/web");
        assert.match(restart.stderr, /unknown format - accepted media types include/);
        const review = await failing("auth", "can-i", "create", "deployments", "-n", "shop");
        assert.match(review.stderr, /UnsupportedMediaType/);
      });
      await step("delete", async () => {
        await kubectl("delete", "-n", "shop", "deployment/web", "--wait=true");
        const missing = await kubectlOn(ground, { mayFail: true });
        const { code, stderr } = await missing("get", "-n", "shop", "deployment/web");
        assert.equal(code, 1);
        assert.match(stderr, /NotFound/);
      });
    }),
);

realTest(
  "agent refuses a field that kubectl owns, and names the owner",
  ["kubectl"],
  () =>
    withGround(async (ground) => {
      const kubectl = await kubectlOn(ground);
      const theirs = await ground.write("theirs.yaml", configMap("settings", { colour: "blue" }));
      await kubectl(...APPLY, "-f", theirs);
      const { signer, trust } = await trustNewSigner(ground);
      await withAgent(ground, { trust }, async ({ port, config }) => {
        const clusterId = await registeredCluster(ground);
        const manifest = configMap("settings", { colour: "red" });
        const conflict = workPackage({ clusterId, manifest });
        const refused = await pushAccepted(ground, port, conflict, signer.sign(conflict));
        const { code, reason } = await untilReceipt(ground, refused, "refused");
        assert.equal(code, "field_conflict");
        assert.match(reason, /kubectl/);

        // Another field of the same object is free.
        const beside = workPackage({ clusterId, manifest: configMap("settings", { size: "9" }) });
        const id = await pushAccepted(ground, port, beside, signer.sign(beside));
        await untilReceipt(ground, id, "pending_approval");
        const approved = await cli("executions", "approve", id, "--yes", "--config", config);
        assert.equal(approved.code, 0, approved.stderr);
        await untilReceipt(ground, id, "succeeded");
        const { stdout } = await kubectl(
          "get",
          "configmap",
          "-n",
          "shop",
          "settings",
          "-o",
          "json",
        );
        assert.deepEqual(JSON.parse(stdout).data, { colour: "blue", size: "9" });
      });
    }),
);

realTest("helm reaches the embedded Kubernetes API", ["helm"], () =>
  withGround(async (ground) => {
    const kubeconfig = await ground.write("kubeconfig", ground.kubernetes.kubeconfig());
    const { code, stdout, stderr } = await runToEnd(programOf("helm"), {
      args: ["list", "--all-namespaces", "--output", "json", "--kubeconfig", kubeconfig],
    });
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), []);
  }));

/** Fails the test when kubectl fails, unless `mayFail`. */
async function kubectlOn(ground: Ground, { mayFail = false } = {}) {
  const kubeconfig = await ground.write("kubeconfig", ground.kubernetes.kubeconfig());
  const cacheDir = `${ground.directory}/kubectl-cache`;
  return async (...args: string[]): Promise<Finished> => {
    const finished = await runToEnd(programOf("kubectl"), {
      args: ["--kubeconfig", kubeconfig, "--cache-dir", cacheDir, ...args],
    });
    if (finished.code !== 0 && !mayFail) {
      throw new Error(`kubectl ${args.join(" ")}: ${finished.stderr}`);
    }
    return finished;
  };
}
