/** Going back: every field, and every owner, as it was before. */
import assert from "node:assert/strict";
import type { KubeObject, ObjectRef } from "../../../src/core/kubernetes_object.ts";
import { applyOperation } from "../../../src/execution/operations/apply.ts";
import { deleteOperation } from "../../../src/execution/operations/delete.ts";
import type { Operation } from "../../../src/execution/operations/operation.ts";
import { restartOperation, scaleOperation } from "../../../src/execution/operations/patch_field.ts";
import { type JsonObject, objectAt, objectsIn } from "../../../src/embedded/kubernetes/json.ts";
import { configMap, deployment, MERGE, withImage } from "./objects.ts";
import { essence, MANAGER, type Product, withProduct } from "./product.ts";
import type { Contract } from "./target.ts";

const DEPLOYMENTS = "apps/v1/deployments";

function onProduct(act: (product: Product) => Promise<void>) {
  return (ground: Parameters<typeof withProduct>[0]) => withProduct(ground, act);
}

/** Does it and takes it back; the object must be what it was. */
async function thereAndBack({ cluster }: Product, operation: Operation): Promise<string[]> {
  const { before } = await operation.preview(cluster);
  await operation.perform(cluster, before);
  const changed = await cluster.get(operation.ref);
  assert.notDeepEqual(changed && essence(changed), before && essence(before), "nothing was done");
  const notes = await operation.revert(cluster, before);
  const after = await cluster.get(operation.ref);
  assert.deepEqual(after && essence(after), before && essence(before));
  // Once more, as after a crash in mid-rollback.
  await operation.revert(cluster, before);
  const twice = await cluster.get(operation.ref);
  assert.deepEqual(twice && essence(twice), before && essence(before));
  return notes;
}

const web = ({ ref }: Product): ObjectRef => ref("Deployment", "web", "apps/v1");

export const revertContract: Contract = {
  "an apply that created is deleted again": onProduct(async (product) => {
    const operation = applyOperation(product.place(configMap("c", { a: "1" })), product.context);
    assert.deepEqual(await thereAndBack(product, operation), []);
  }),

  "an apply over one's own goes back to what was applied before": onProduct(async (product) => {
    const { apply, place, context } = product;
    const path = `${product.in(DEPLOYMENTS)}/web`;
    const first = rich("registry.local/web:1");
    await apply(path, MANAGER, first);
    // Others own fields beside it.
    await apply(path, "mesh", {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web", labels: { mesh: "on" } },
      spec: {
        template: { spec: { containers: [{ name: "proxy", image: "registry.local/p:1" }] } },
      },
    });
    await product.call("PATCH", `${path}?fieldManager=kubectl`, {
      body: { metadata: { annotations: { "example.com/owner": "shop" } } },
      type: MERGE,
    });
    const second = withImage("registry.local/web:2", 1);
    objectAt(second, "metadata")!["labels"] = { app: "web", tier: "front" };
    assert.deepEqual(await thereAndBack(product, applyOperation(place(second), context)), []);
  }),

  "an apply beside another's object leaves nothing behind": onProduct(async (product) => {
    const { call, place, context } = product;
    await call("POST", `${product.in("configmaps")}?fieldManager=kubectl`, {
      body: configMap("c", { a: "1" }, { labels: { tier: "front" } }),
    });
    const added = place(configMap("c", { a: "1", b: "2" }, { labels: { team: "shop" } }));
    assert.deepEqual(await thereAndBack(product, applyOperation(added, context)), []);
  }),

  "an apply of a service, a secret and a policy goes back": onProduct(async (product) => {
    const { place, context, cluster } = product;
    const service = (port: number, more: JsonObject = {}) => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web" },
      spec: { selector: { app: "web" }, ports: [{ name: "http", port, ...more }] },
    });
    const secret = (data: JsonObject) => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s" },
      stringData: data,
    });
    const policy = (labels: JsonObject) => ({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "p" },
      spec: { podSelector: { matchLabels: labels }, policyTypes: ["Ingress"] },
    });
    const pairs: readonly (readonly [object, object])[] = [
      [service(80), service(81, { targetPort: 8080 })],
      [secret({ a: "1", b: "1" }), secret({ a: "2", c: "1" })],
      [policy({ a: "1" }), policy({ b: "1" })],
    ];
    for (const [one, two] of pairs) {
      await applyOperation(place(one as never), context).perform(cluster, null);
      const operation = applyOperation(place(two as never), context);
      assert.deepEqual(await thereAndBack(product, operation), []);
    }
  }),

  "a scale goes back, and so does who owned replicas": onProduct(async (product) => {
    const { apply, call, context } = product;
    const path = `${product.in(DEPLOYMENTS)}/web`;
    await apply(path, "kubectl", deployment("web", { replicas: 1 }));
    assert.deepEqual(await thereAndBack(product, scaleOperation(web(product), 2, context)), []);
    await apply(path, MANAGER, deployment("web", { replicas: 1 }));
    assert.deepEqual(await thereAndBack(product, scaleOperation(web(product), 2, context)), []);
    await call("PATCH", `${path}?fieldManager=edit`, {
      body: { spec: { replicas: 0 } },
      type: MERGE,
    });
    assert.deepEqual(await thereAndBack(product, scaleOperation(web(product), 2, context)), []);
  }),

  "a scale of what the connector applied stays applied by it": onProduct(async (product) => {
    const { apply, cluster, context } = product;
    const path = `${product.in(DEPLOYMENTS)}/web`;
    await apply(path, MANAGER, deployment("web", { replicas: 1 }));
    const operation = scaleOperation(web(product), 2, context);
    const { before } = await operation.preview(cluster);
    await operation.perform(cluster, before);
    const { status } = await apply(path, MANAGER, deployment("web", { replicas: 1 }));
    assert.equal(status, 200, "the next package conflicts with the last one's scale");
  }),

  "a restart goes back, with the annotations that it made": onProduct(async (product) => {
    const { apply, context } = product;
    await apply(`${product.in(DEPLOYMENTS)}/web`, "kubectl", deployment("web", { replicas: 1 }));
    assert.deepEqual(await thereAndBack(product, restartOperation(web(product), context)), []);
    const annotated = deployment("web", { replicas: 1 });
    objectAt(annotated, "spec", "template", "metadata")!["annotations"] = { a: "1" };
    await apply(`${product.in(DEPLOYMENTS)}/web`, "kubectl", annotated);
    assert.deepEqual(await thereAndBack(product, restartOperation(web(product), context)), []);
  }),

  "what was deleted is made again, and owned as before": onProduct(async (product) => {
    const { apply, call, ref } = product;
    const path = `${product.in("configmaps")}/c`;
    await apply(path, MANAGER, configMap("c", { a: "1" }, { labels: { tier: "front" } }));
    await apply(path, "kubectl", configMap("c", { b: "1" }));
    await call("PATCH", `${path}?fieldManager=edit`, { body: { data: { x: "1" } }, type: MERGE });
    const notes = await thereAndBack(product, deleteOperation(ref("ConfigMap", "c")));
    assert.match(notes.join(), /created again with a new uid/);
  }),

  "a deployment that was deleted is made again, and rolls out": onProduct(async (product) => {
    const { apply, until, ref } = product;
    const path = `${product.in(DEPLOYMENTS)}/web`;
    await apply(path, MANAGER, rich("registry.local/web:1"));
    const isUp = (live: KubeObject) => objectAt(live, "status")?.["availableReplicas"] === 1;
    await until(path, isUp as never);
    const operation = deleteOperation(ref("Deployment", "web", "apps/v1"));
    assert.match((await thereAndBack(product, operation)).join(), /created again with a new uid/);
    await until(path, isUp as never);
  }),
};

/** A deployment with fields that the server fills up around those of its applier. */
function rich(image: string) {
  const object = withImage(image, 1);
  objectAt(object, "metadata")!["labels"] = { app: "web" };
  const template = objectAt(object, "spec", "template", "spec")!;
  const [container] = objectsIn(template["containers"]);
  Object.assign(container!, {
    ports: [{ containerPort: 80 }],
    env: [{ name: "A", value: "1" }, {
      name: "NODE",
      valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } },
    }],
    resources: { requests: { cpu: "10m", memory: "16Mi" } },
    readinessProbe: { httpGet: { port: 80 } },
    volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
  });
  template["volumes"] = [{ name: "tmp" }];
  return object;
}
