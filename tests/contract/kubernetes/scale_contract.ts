/** Replicas through a patch and through the scale subresource, and the status through its own. */
import assert from "node:assert/strict";
import { objectAt } from "../../../src/embedded/kubernetes/json.ts";
import { deployment, MERGE } from "./objects.ts";
import type { Contract, Ground } from "./target.ts";

export const scaleContract: Contract = {
  async "status is applied by its own endpoint alone"(ground) {
    const { apply, path } = await withDeployment(ground, { paused: true });
    const claimed = {
      ...deployment("web", { replicas: 0, paused: true }),
      status: { replicas: 9 },
    };
    const ignored = await apply(path, "agent", claimed);
    assert.equal(objectAt(ignored.body, "status")!["replicas"], undefined);
    const status = await apply(`${path}/status`, "stator", {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web" },
      status: { conditions: [{ type: "Odd", status: "True" }] },
    });
    assert.equal(status.status, 200);
    assert.equal(status.body.metadata.generation, 1);
    const own = status.body.metadata.managedFields!.find(({ manager }) => manager === "stator")!;
    assert.deepEqual([own.operation, own.subresource], ["Apply", "status"]);
  },

  async "the scale of a deployment is seen and set, and counts a generation"(ground) {
    const { apply, call, path, namespace } = await withDeployment(ground);
    const scale = await call("GET", `${path}/scale`);
    assert.deepEqual([scale.body.kind, scale.body.apiVersion], ["Scale", "autoscaling/v1"]);
    assert.equal(objectAt(scale.body, "spec")!["replicas"] ?? 0, 0);
    assert.equal(objectAt(scale.body, "status")!["selector"], "app=web");
    const body = {
      apiVersion: "autoscaling/v1",
      kind: "Scale",
      metadata: { name: "web", namespace },
      spec: { replicas: 2 },
    };
    const refused = await apply(`${path}/scale`, "hpa", body);
    assert.equal(refused.status, 409);
    const forced = await apply(`${path}/scale`, "hpa", body, "&force=true");
    assert.equal(forced.status, 200);
    assert.deepEqual(forced.body["spec"], { replicas: 2 });
    const live = await call("GET", path);
    assert.equal(live.body.metadata.generation, 2);
    const hpa = live.body.metadata.managedFields!.find(({ manager }) => manager === "hpa")!;
    assert.deepEqual([hpa.operation, hpa.subresource], ["Apply", "scale"]);
    assert.deepEqual(hpa.fieldsV1, { "f:spec": { "f:replicas": {} } });
    const conflict = await apply(path, "agent", deployment("web", { replicas: 0 }));
    assert.equal(
      conflict.body.message,
      'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale": .spec.replicas',
    );
  },

  async "an update of the scale owns replicas as an autoscaler does"(ground) {
    const { apply, call, path, namespace } = await withDeployment(ground);
    const { body: scale } = await call("GET", `${path}/scale`);
    const scaled = await call("PUT", `${path}/scale?fieldManager=kube-controller-manager`, {
      // Without a version: its controller writes the deployment's status meanwhile.
      body: { ...scale, metadata: { name: "web", namespace }, spec: { replicas: 2 } },
    });
    assert.equal(scaled.status, 200);
    const live = (await call("GET", path)).body;
    assert.equal(objectAt(live, "spec")!["replicas"], 2);
    const owner = live.metadata.managedFields!.find(({ subresource }) => subresource === "scale")!;
    assert.deepEqual([owner.manager, owner.operation, owner.apiVersion], [
      "kube-controller-manager",
      "Update",
      "apps/v1",
    ]);
    const refused = await apply(path, "agent", deployment("web", { replicas: 0 }));
    assert.equal(
      refused.body.message,
      'Apply failed with 1 conflict: conflict with "kube-controller-manager" with subresource ' +
        '"scale" using apps/v1: .spec.replicas',
    );
  },

  async "a merge patch scales, and takes replicas from an applier"(ground) {
    const { call, path } = await withDeployment(ground);
    const scaled = await call("PATCH", `${path}?fieldManager=kubectl`, {
      body: { spec: { replicas: 2 } },
      type: MERGE,
    });
    assert.equal(scaled.body.metadata.generation, 2);
    const owners = scaled.body.metadata.managedFields!.filter(({ fieldsV1 }) =>
      objectAt(fieldsV1, "f:spec")?.["f:replicas"] !== undefined
    );
    assert.deepEqual(owners.map(({ manager, operation }) => [manager, operation]), [
      ["kubectl", "Update"],
    ]);
  },
};

/** Without replicas: no pods come and go. */
async function withDeployment(ground: Ground, spec: { paused?: boolean } = {}) {
  const path = `${ground.in("apps/v1/deployments")}/web`;
  await ground.apply(path, "agent", deployment("web", { replicas: 0, ...spec }));
  return { ...ground, path };
}
