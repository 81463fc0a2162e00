import assert from "node:assert/strict";
import { objectAt, objectsIn } from "../../src/embedded/kubernetes/json.ts";
import { configMap, deployment, DEPLOYMENTS, MAPS, withKubernetes } from "./kubernetes_session.ts";

Deno.test("a claim is bound, though there is no storage", () =>
  withKubernetes(async ({ call, until }) => {
    const claims = "/api/v1/namespaces/default/persistentvolumeclaims";
    await call("POST", claims, {
      body: {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name: "web" },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
      },
    });
    const claim = await until(
      `${claims}/web`,
      (item) => objectAt(item, "status")?.["phase"] === "Bound",
    );
    assert.deepEqual(objectAt(claim, "status")!["capacity"], { storage: "1Gi" });
  }, { rolloutMs: 20 }));

Deno.test("a broken rollout may be given up before its own deadline", () =>
  withKubernetes(async ({ apply, until }) => {
    const broken = deployment("web");
    const [container] = objectsIn(
      objectAt(broken, "spec", "template", "spec")!["containers"],
    );
    container!["image"] = "registry.local/web:broken";
    await apply(`${DEPLOYMENTS}/web`, "agent", broken);
    const conditionsOf = (status: ReturnType<typeof objectAt>) => objectsIn(status?.["conditions"]);
    await until(
      `${DEPLOYMENTS}/web`,
      (object) =>
        conditionsOf(objectAt(object, "status"))
          .some(({ reason }) => reason === "ProgressDeadlineExceeded"),
    );
  }, { rolloutMs: 20, progressDeadlineMs: 20 }));

Deno.test("store.put acts as an update by another manager", () =>
  withKubernetes(async ({ kubernetes, apply }) => {
    const path = `${MAPS}/c`;
    await apply(path, "agent", configMap("c", { a: "1" }));
    const object = kubernetes.store.get("v1", "ConfigMap", "default", "c")!;
    kubernetes.store.put({ ...object, data: { a: "2" } }, "kubectl-edit");
    const { status, body } = await apply(path, "agent", configMap("c", { a: "1" }));
    assert.equal(status, 409);
    assert.match(body.message!, /conflict with "kubectl-edit" using v1: \.data\.a$/);
    assert.equal(kubernetes.store.list("v1", "ConfigMap").length, 1);
  }));
