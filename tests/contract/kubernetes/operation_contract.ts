/** What the operations of an execution foresee and do. */
import assert from "node:assert/strict";
import type { KubeObject } from "../../../src/core/kubernetes_object.ts";
import { applyOperation } from "../../../src/execution/operations/apply.ts";
import { deleteOperation } from "../../../src/execution/operations/delete.ts";
import { restartOperation, scaleOperation } from "../../../src/execution/operations/patch_field.ts";
import { type JsonObject, objectAt } from "../../../src/embedded/kubernetes/json.ts";
import { conditionOf, configMap, deployment, managersOf, withImage } from "./objects.ts";
import { MANAGER, type Product, withProduct } from "./product.ts";
import type { Contract } from "./target.ts";

const DEPLOYMENTS = "apps/v1/deployments";

function onProduct(act: (product: Product) => Promise<void>) {
  return (ground: Parameters<typeof withProduct>[0]) => withProduct(ground, act);
}

export const operationContract: Contract = {
  "an apply foresees what it changes, and nothing the second time": onProduct(async (product) => {
    const { cluster, context, place } = product;
    const one = applyOperation(place(withImage("registry.local/web:1")), context);
    const { entry, before } = await one.preview(cluster);
    assert.deepEqual([entry.verb, entry.uid, before], ["create", null, null]);
    await one.perform(cluster, before);
    const again = await one.preview(cluster);
    assert.deepEqual([again.entry.verb, again.entry.changes], ["unchanged", []]);

    const two = applyOperation(place(withImage("registry.local/web:2")), context);
    const change = await two.preview(cluster);
    assert.deepEqual(change.entry.changes, [{
      path: "spec.template.spec.containers[name=main].image",
      from: "registry.local/web:1",
      to: "registry.local/web:2",
    }]);
    await two.perform(cluster, change.before);
    const live = await cluster.get(two.ref);
    assert.equal(live!.metadata.uid, change.before!.metadata.uid);
  }),

  "a rollout is current once its pods are ready": onProduct(async (product) => {
    const { cluster, context, place, until } = product;
    const operation = applyOperation(place(withImage("registry.local/web:1")), context);
    await operation.perform(cluster, null);
    const path = `${product.in(DEPLOYMENTS)}/web`;
    const current = await until(
      path,
      (live) => operation.assess(live as KubeObject, null).state === "current",
    );
    assert.equal(objectAt(current, "status")!["availableReplicas"], 2);
  }),

  "a rollout that is stuck has failed, with the controller's words": onProduct(async (product) => {
    const { cluster, context, place, until } = product;
    const manifest = withImage("registry.local/web:broken");
    objectAt(manifest, "spec")!["progressDeadlineSeconds"] = 1;
    const operation = applyOperation(place(manifest), context);
    await operation.perform(cluster, null);
    const path = `${product.in(DEPLOYMENTS)}/web`;
    const stuck = await until(
      path,
      (live) => operation.assess(live as KubeObject, null).state === "failed",
    );
    assert.equal(conditionOf(stuck, "Progressing")!["reason"], "ProgressDeadlineExceeded");
    const { message } = operation.assess(stuck as KubeObject, null);
    assert.match(message, /has timed out progressing/);
  }),

  "an apply does not touch an object that was made anew after the plan": onProduct(
    async (product) => {
      const { call, cluster, context, place, ref } = product;
      const maps = product.in("configmaps");
      await call("POST", maps, { body: configMap("c", { a: "1" }) });
      const operation = applyOperation(place(configMap("c", { b: "1" })), context);
      const { before } = await operation.preview(cluster);
      await call("DELETE", `${maps}/c`);
      await call("POST", maps, { body: configMap("c", { a: "2" }) });
      await assert.rejects(operation.perform(cluster, before), { code: "plan_changed" });
      assert.deepEqual((await cluster.get(ref("ConfigMap", "c")))!.data, { a: "2" });
    },
  ),

  "scale changes replicas, whoever owns them, and warns of the owner": onProduct(
    async (product) => {
      const { apply, cluster, context, ref } = product;
      const path = `${product.in(DEPLOYMENTS)}/web`;
      await apply(path, "kubectl", deployment("web", { replicas: 1 }));
      const operation = scaleOperation(ref("Deployment", "web", "apps/v1"), 3, context);
      const { entry, before } = await operation.preview(cluster);
      assert.deepEqual(entry.changes, [{ path: "spec.replicas", from: 1, to: 3 }]);
      assert.match(entry.warnings.join(), /spec\.replicas is owned by kubectl/);
      await operation.perform(cluster, before);
      const live = await cluster.get(operation.ref);
      assert.equal((live!.spec as JsonObject).replicas, 3);
    },
  ),

  "scale leaves an autoscaler its replicas": onProduct(async (product) => {
    const { apply, call, cluster, context, ref, namespace } = product;
    const path = `${product.in(DEPLOYMENTS)}/web`;
    await apply(path, MANAGER, deployment("web", { replicas: 1 }));
    const scaled = await call("PATCH", `${path}/scale?fieldManager=kube-controller-manager`, {
      body: { spec: { replicas: 2 } },
      type: "application/merge-patch+json",
    });
    assert.equal(scaled.status, 200, namespace);
    const operation = scaleOperation(ref("Deployment", "web", "apps/v1"), 3, context);
    await assert.rejects(operation.preview(cluster), {
      code: "field_conflict",
      message: /owned by kube-controller-manager through its scale subresource/,
    });
  }),

  "a restart is one annotation, set once": onProduct(async (product) => {
    const { apply, cluster, context, ref } = product;
    await apply(`${product.in(DEPLOYMENTS)}/web`, "kubectl", deployment("web", { replicas: 1 }));
    const operation = restartOperation(ref("Deployment", "web", "apps/v1"), context);
    const { entry, before } = await operation.preview(cluster);
    assert.deepEqual(entry.changes.map(({ path, to }) => [path, to]), [[
      'spec.template.metadata.annotations["neuralops.io/restarted-by"]',
      context.executionId,
    ]]);
    await operation.perform(cluster, before);
    const once = await cluster.get(operation.ref);
    await operation.perform(cluster, before);
    const twice = await cluster.get(operation.ref);
    assert.equal(twice!.metadata.generation, once!.metadata.generation);
    assert.ok(managersOf(twice as never).includes(`${MANAGER} Update`));
  }),

  "a delete is foreseen and done, and waits for finalizers": onProduct(async (product) => {
    const { call, cluster, context: _context, ref } = product;
    const maps = product.in("configmaps");
    const held = configMap("c", {}, { finalizers: ["example.com/wait"] });
    await call("POST", maps, { body: held });
    const operation = deleteOperation(ref("ConfigMap", "c"));
    const { entry, before } = await operation.preview(cluster);
    assert.equal(entry.verb, "delete");
    await operation.perform(cluster, before);
    const going = await cluster.get(operation.ref);
    assert.equal(operation.assess(going, before).state, "in_progress");
    await operation.perform(cluster, before);
    await assert.rejects(operation.revert(cluster, before), { code: "unavailable" });
    await call("PATCH", `${maps}/c`, {
      body: { metadata: { finalizers: null } },
      type: "application/merge-patch+json",
    });
    assert.equal(operation.assess(await cluster.get(operation.ref), before).state, "current");
  }),
};
