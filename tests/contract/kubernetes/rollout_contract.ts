/** What the controllers write while a workload rolls out. Pods with an image `:broken` never come up. */
import assert from "node:assert/strict";
import {
  type JsonObject,
  type KubeObject,
  objectAt,
} from "../../../src/embedded/kubernetes/json.ts";
import { conditionOf, deployment, withImage } from "./objects.ts";
import type { Contract } from "./target.ts";

const statusOf = (object: KubeObject): JsonObject => objectAt(object, "status") ?? {};

export const rolloutContract: Contract = {
  async "a deployment becomes available after its rollout"({ apply, until, in: at }) {
    const path = `${at("apps/v1/deployments")}/web`;
    await apply(path, "agent", withImage("registry.local/web:1"));
    const done = await until(path, isRolledOut);
    const status = statusOf(done);
    assert.equal(status["observedGeneration"], 1);
    for (const field of ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"]) {
      assert.equal(status[field], 2, field);
    }
    assert.equal(status["unavailableReplicas"], undefined);
    assert.equal(conditionOf(done, "Available")!["status"], "True");
    assert.equal(conditionOf(done, "Progressing")!["status"], "True");
    assert.equal(done.metadata.annotations!["deployment.kubernetes.io/revision"], "1");
    const owner = done.metadata.managedFields!.find((entry) => entry.subresource === "status")!;
    assert.deepEqual([owner.manager, owner.operation], ["kube-controller-manager", "Update"]);
    assert.equal(done.metadata.generation, 1);
  },

  async "a broken image keeps the old pods and ends in ProgressDeadlineExceeded"(ground) {
    const { apply, until } = ground;
    const path = `${ground.in("apps/v1/deployments")}/web`;
    const quick = (image: string) => {
      const object = withImage(image);
      objectAt(object, "spec")!["progressDeadlineSeconds"] = 1;
      return object;
    };
    await apply(path, "agent", quick("registry.local/web:1"));
    await until(path, isRolledOut);
    await apply(path, "agent", quick("registry.local/web:broken"));
    const stuck = await until(
      path,
      (object) => conditionOf(object, "Progressing")?.["reason"] === "ProgressDeadlineExceeded",
    );
    const status = statusOf(stuck);
    assert.deepEqual([status["readyReplicas"], status["unavailableReplicas"]], [2, 1]);
    assert.equal(status["updatedReplicas"], 1);
    assert.equal(conditionOf(stuck, "Progressing")!["status"], "False");
    assert.equal(conditionOf(stuck, "Available")!["status"], "True");
    await apply(path, "agent", quick("registry.local/web:1"));
    const back = await until(path, isRolledOut);
    assert.equal(statusOf(back)["unavailableReplicas"], undefined);
    assert.equal(back.metadata.annotations!["deployment.kubernetes.io/revision"], "3");
  },

  async "a deployment that never came up is not available"({ apply, until, in: at }) {
    const path = `${at("apps/v1/deployments")}/web`;
    await apply(path, "agent", withImage("registry.local/web:broken"));
    const waiting = await until(path, (object) => statusOf(object)["unavailableReplicas"] === 2);
    assert.equal(statusOf(waiting)["observedGeneration"], 1);
    assert.equal(statusOf(waiting)["readyReplicas"], undefined);
    assert.notEqual(conditionOf(waiting, "Available")?.["status"], "True");
  },

  async "stateful sets, daemon sets and jobs settle too"({ call, until, in: at }) {
    const spec = objectAt(deployment("web"), "spec")!;
    const object = (apiVersion: string, kind: string, body: object) => ({
      apiVersion,
      kind,
      metadata: { name: "web" },
      spec: body,
    });
    const [sets, daemons, jobs] = [
      at("apps/v1/statefulsets"),
      at("apps/v1/daemonsets"),
      at("batch/v1/jobs"),
    ];
    await call("POST", sets, {
      body: object("apps/v1", "StatefulSet", { ...spec, serviceName: "web" }),
    });
    await call("POST", daemons, { body: object("apps/v1", "DaemonSet", spec) });
    const template = { spec: { ...objectAt(spec, "template", "spec"), restartPolicy: "Never" } };
    await call("POST", jobs, { body: object("batch/v1", "Job", { template }) });
    const set = await until(`${sets}/web`, (item) => statusOf(item)["availableReplicas"] === 1);
    assert.equal(statusOf(set)["currentRevision"], statusOf(set)["updateRevision"]);
    await until(`${daemons}/web`, (item) => Number(statusOf(item)["numberAvailable"]) > 0);
    const job = await until(
      `${jobs}/web`,
      (item) => conditionOf(item, "Complete")?.["status"] === "True",
    );
    assert.equal(statusOf(job)["succeeded"], 1);
    assert.ok(statusOf(job)["completionTime"]);
  },
};

function isRolledOut(object: KubeObject): boolean {
  const { observedGeneration, updatedReplicas, availableReplicas, replicas } = statusOf(object);
  return observedGeneration === object.metadata.generation && updatedReplicas === 2 &&
    availableReplicas === 2 && replicas === 2 &&
    conditionOf(object, "Available")?.["status"] === "True" &&
    conditionOf(object, "Progressing")?.["status"] === "True";
}
