import assert from "node:assert/strict";
import { type KubeObject, objectAt, objectsIn } from "../../src/embedded/kubernetes/json.ts";
import { configMap, deployment, DEPLOYMENTS, withKubernetes } from "./kubernetes_session.ts";

const QUICK = { rolloutMs: 20, progressDeadlineMs: 20 };

function condition(object: KubeObject, type: string) {
  return objectsIn(objectAt(object, "status")?.["conditions"]).find((item) =>
    item["type"] === type
  );
}

function withImage(image: string, replicas = 2): KubeObject {
  const object = deployment("web", { replicas });
  const template = objectAt(object, "spec", "template", "spec")!;
  template["containers"] = [{ name: "main", image }];
  return object;
}

Deno.test("a deployment becomes available after its rollout", () =>
  withKubernetes(async ({ apply, until }) => {
    const path = `${DEPLOYMENTS}/web`;
    await apply(path, "agent", withImage("registry.local/web:1"));
    const done = await until(
      path,
      (object) => condition(object, "Available")?.["status"] === "True",
    );
    const status = objectAt(done, "status")!;
    assert.equal(status["observedGeneration"], 1);
    for (const field of ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"]) {
      assert.equal(status[field], 2, field);
    }
    assert.equal(condition(done, "Progressing")!["reason"], "NewReplicaSetAvailable");
    assert.equal(done.metadata.annotations!["deployment.kubernetes.io/revision"], "1");
    const owner = done.metadata.managedFields!.find((entry) => entry.subresource === "status")!;
    assert.equal(owner.manager, "kube-controller-manager");
    assert.equal(done.metadata.generation, 1);
  }, QUICK));

Deno.test("a broken image keeps the old pods and ends in ProgressDeadlineExceeded", () =>
  withKubernetes(async ({ apply, until }) => {
    const path = `${DEPLOYMENTS}/web`;
    const isAvailable = (object: KubeObject) =>
      objectAt(object, "status")!["updatedReplicas"] === 2 &&
      objectAt(object, "status")!["observedGeneration"] === object.metadata.generation;
    await apply(path, "agent", withImage("registry.local/web:1"));
    await until(path, isAvailable);
    await apply(path, "agent", withImage("registry.local/web:broken"));
    const stuck = await until(
      path,
      (object) => condition(object, "Progressing")?.["reason"] === "ProgressDeadlineExceeded",
    );
    const status = objectAt(stuck, "status")!;
    assert.deepEqual([status["readyReplicas"], status["unavailableReplicas"]], [2, 1]);
    assert.equal(condition(stuck, "Progressing")!["status"], "False");
    await apply(path, "agent", withImage("registry.local/web:1"));
    const back = await until(path, isAvailable);
    assert.equal(objectAt(back, "status")!["unavailableReplicas"], undefined);
    assert.equal(back.metadata.annotations!["deployment.kubernetes.io/revision"], "3");
  }, QUICK));

Deno.test("stateful sets, daemon sets, jobs and claims settle too", () =>
  withKubernetes(async ({ call, until }) => {
    const spec = objectAt(deployment("web"), "spec")!;
    const apps = "/apis/apps/v1/namespaces/default";
    const object = (apiVersion: string, kind: string, body: object) => ({
      apiVersion,
      kind,
      metadata: { name: "web" },
      spec: body,
    });
    const statusOf = (item: KubeObject) => objectAt(item, "status") ?? {};
    await call("POST", `${apps}/statefulsets`, {
      body: object("apps/v1", "StatefulSet", { ...spec, serviceName: "web" }),
    });
    await call("POST", `${apps}/daemonsets`, { body: object("apps/v1", "DaemonSet", spec) });
    await call("POST", "/apis/batch/v1/namespaces/default/jobs", {
      body: object("batch/v1", "Job", {
        template: {
          spec: { ...objectAt(spec, "template", "spec"), restartPolicy: "Never" },
        },
      }),
    });
    const claims = "/api/v1/namespaces/default/persistentvolumeclaims";
    await call("POST", claims, {
      body: object("v1", "PersistentVolumeClaim", {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: "1Gi" } },
      }),
    });
    const set = await until(
      `${apps}/statefulsets/web`,
      (item) => statusOf(item)["readyReplicas"] === 1,
    );
    assert.equal(statusOf(set)["currentRevision"], statusOf(set)["updateRevision"]);
    await until(`${apps}/daemonsets/web`, (item) => statusOf(item)["numberAvailable"] === 1);
    const job = await until(
      "/apis/batch/v1/namespaces/default/jobs/web",
      (item) => condition(item, "Complete")?.["status"] === "True",
    );
    assert.equal(statusOf(job)["succeeded"], 1);
    const claim = await until(`${claims}/web`, (item) => statusOf(item)["phase"] === "Bound");
    assert.deepEqual(statusOf(claim)["capacity"], { storage: "1Gi" });
  }, QUICK));

const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

const definition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "things.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { kind: "Thing", plural: "things", shortNames: ["th"] },
    versions: [{
      name: "v1",
      served: true,
      storage: true,
      subresources: { status: {} },
      schema: {
        openAPIV3Schema: {
          type: "object",
          properties: {
            spec: {
              type: "object",
              required: ["size"],
              properties: {
                size: { type: "integer", minimum: 1 },
                mode: { type: "string", enum: ["slow", "fast"], default: "slow" },
                parts: {
                  type: "array",
                  "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": ["id"],
                  items: { type: "object", properties: { id: { type: "string" } } },
                },
              },
            },
            status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
          },
        },
      },
    }],
  },
};

Deno.test("a definition adds its resource, with schema, status and discovery", () =>
  withKubernetes(async ({ call, apply, until }) => {
    const things = "/apis/example.com/v1/namespaces/default/things";
    assert.equal((await call("GET", things)).status, 404);
    await apply(`${DEFINITIONS}/things.example.com`, "agent", definition);
    await until(
      `${DEFINITIONS}/things.example.com`,
      (object) => condition(object, "Established")?.["status"] === "True",
    );
    const discovery = await call("GET", "/apis/example.com/v1");
    assert.deepEqual(objectsIn(discovery.body["resources"]).map(({ name }) => name), [
      "things",
      "things/status",
    ]);
    const thing = (spec: object, more: object = {}) => ({
      apiVersion: "example.com/v1",
      kind: "Thing",
      metadata: { name: "one" },
      spec,
      ...more,
    });
    const created = await apply(`${things}/one`, "agent", thing({ size: 1, parts: [{ id: "a" }] }));
    assert.equal(created.status, 201);
    assert.equal(objectAt(created.body, "spec")!["mode"], "slow");
    assert.equal(created.body.metadata.generation, 1);
    const more = await apply(`${things}/one`, "other", thing({ size: 1, parts: [{ id: "b" }] }));
    assert.deepEqual(objectAt(more.body, "spec")!["parts"], [{ id: "a" }, { id: "b" }]);
    assert.equal(more.body.metadata.generation, 2);
    const wrong = await apply(
      `${things}/one`,
      "agent",
      thing({ size: 0, mode: "odd" }),
      "&force=true",
    );
    assert.equal(wrong.status, 422);
    const fields = objectsIn(wrong.body.details!["causes"]).map(({ field }) => field);
    assert.deepEqual(fields.sort(), ["spec.mode", "spec.size"]);
    assert.equal((await apply(`${things}/one`, "agent", thing({ size: 1, x: 1 }))).status, 500);
    const status = await call("PATCH", `${things}/one/status`, {
      body: { spec: { size: 9 }, status: { phase: "done" } },
      type: "application/merge-patch+json",
    });
    assert.deepEqual(objectAt(status.body, "status"), { phase: "done" });
    assert.equal(objectAt(status.body, "spec")!["size"], 1);
    assert.equal(status.body.metadata.generation, 2);
    assert.equal((await call("PUT", `${things}/one`, { body: thing({ size: 2 }) })).status, 422);

    await call("DELETE", `${DEFINITIONS}/things.example.com`);
    assert.equal((await call("GET", things)).status, 404);
  }));

Deno.test("store.put acts as an update by another manager", () =>
  withKubernetes(async ({ kubernetes, apply }) => {
    const path = "/api/v1/namespaces/default/configmaps/c";
    await apply(path, "agent", configMap("c", { a: "1" }));
    const object = kubernetes.store.get("v1", "ConfigMap", "default", "c")!;
    kubernetes.store.put({ ...object, data: { a: "2" } }, "kubectl-edit");
    const { status, body } = await apply(path, "agent", configMap("c", { a: "1" }));
    assert.equal(status, 409);
    assert.match(body.message!, /conflict with "kubectl-edit" using v1: \.data\.a$/);
    assert.equal(kubernetes.store.list("v1", "ConfigMap").length, 1);
  }));
