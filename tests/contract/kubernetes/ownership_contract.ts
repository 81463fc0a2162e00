/** Who owns which field: co-owners, conflicts, force, and what plain updates take over. */
import assert from "node:assert/strict";
import { objectAt, objectsIn } from "../../../src/embedded/kubernetes/json.ts";
import { configMap, deployment, managersOf, MERGE } from "./objects.ts";
import type { Contract } from "./target.ts";

export const ownershipContract: Contract = {
  async "apply answers a conflict that names the owner and the field"(ground) {
    const deployments = ground.in("apps/v1/deployments");
    const path = `${deployments}/web`;
    await ground.call("POST", `${deployments}?fieldManager=kubectl-client-side-apply`, {
      body: deployment("web", { replicas: 3 }),
    });
    const wanted = deployment("web", { replicas: 5 });
    const { status, body } = await ground.apply(path, "agent", wanted);
    assert.equal(status, 409);
    assert.deepEqual(body, {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: 'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using ' +
        "apps/v1: .spec.replicas",
      reason: "Conflict",
      details: {
        causes: [{
          reason: "FieldManagerConflict",
          message: 'conflict with "kubectl-client-side-apply" using apps/v1',
          field: ".spec.replicas",
        }],
      },
      code: 409,
    });
    assert.equal(objectAt((await ground.call("GET", path)).body, "spec")!["replicas"], 3);

    const forced = await ground.apply(path, "agent", wanted, "&force=true");
    assert.equal(forced.status, 200);
    assert.equal(objectAt(forced.body, "spec")!["replicas"], 5);
    const owners = forced.body.metadata.managedFields!.filter((entry) =>
      objectAt(entry.fieldsV1, "f:spec")?.["f:replicas"] !== undefined
    );
    assert.deepEqual(owners.map(({ manager }) => manager), ["agent"]);
  },

  async "apply lists every conflict when there are several"(ground) {
    const path = `${ground.in("configmaps")}/c`;
    await ground.apply(path, "one", configMap("c", { a: "1", b: "1" }));
    const { body } = await ground.apply(path, "two", configMap("c", { a: "2", b: "2" }));
    assert.equal(
      body.message,
      'Apply failed with 2 conflicts: conflicts with "one":\n- .data.a\n- .data.b',
    );
  },

  async "apply names each of several owners"(ground) {
    const path = `${ground.in("configmaps")}/c`;
    await ground.apply(path, "one", configMap("c", { a: "1" }));
    await ground.call("PATCH", `${path}?fieldManager=two`, {
      body: { data: { b: "1" } },
      type: MERGE,
    });
    const { body } = await ground.apply(path, "three", configMap("c", { a: "2", b: "2" }));
    assert.equal(
      body.message,
      'Apply failed with 2 conflicts: conflicts with "one":\n- .data.a\n' +
        'conflicts with "two" using v1:\n- .data.b',
    );
  },

  async "apply of equal values shares ownership and changes nothing else"(ground) {
    const path = `${ground.in("configmaps")}/c`;
    const first = await ground.apply(path, "one", configMap("c", { a: "1" }));
    const shared = await ground.apply(path, "two", configMap("c", { a: "1" }));
    assert.equal(shared.status, 200);
    assert.deepEqual(managersOf(shared.body), ["one Apply", "two Apply"]);
    assert.notEqual(shared.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
    const left = await ground.apply(path, "one", configMap("c", {}));
    assert.deepEqual(left.body["data"], { a: "1" }, "the other owner keeps the field");
    const gone = await ground.apply(path, "two", configMap("c", {}));
    assert.equal(objectAt(gone.body, "data")?.["a"], undefined);
  },

  async "create and update own what they set, a status what is in it"(ground) {
    const deployments = ground.in("apps/v1/deployments");
    const created = await ground.call("POST", `${deployments}?fieldManager=maker`, {
      body: deployment("web", { replicas: 0 }),
    });
    const [entry] = created.body.metadata.managedFields!;
    assert.deepEqual([entry!.manager, entry!.operation, entry!.apiVersion], [
      "maker",
      "Update",
      "apps/v1",
    ]);
    // Whoever creates owns the defaults as well.
    assert.notEqual(objectAt(entry!.fieldsV1, "f:spec")!["f:revisionHistoryLimit"], undefined);
    const status = await ground.call("PATCH", `${deployments}/web/status?fieldManager=stator`, {
      body: { status: { conditions: [{ type: "Odd", status: "True" }] } },
      type: MERGE,
    });
    const own = status.body.metadata.managedFields!.find(({ manager }) => manager === "stator")!;
    assert.deepEqual([own.operation, own.subresource], ["Update", "status"]);
    assert.notEqual(objectAt(own.fieldsV1, "f:status", "f:conditions"), undefined);
  },

  async "an update takes the fields that it changes from their appliers"(ground) {
    const path = `${ground.in("apps/v1/deployments")}/web`;
    await ground.apply(path, "agent", deployment("web", { replicas: 2 }));
    const scaled = await ground.call("PATCH", `${path}?fieldManager=hpa`, {
      body: { spec: { replicas: 7 } },
      type: MERGE,
    });
    assert.equal(scaled.status, 200);
    const wanted = deployment("web", { replicas: 2 });
    const { status, body } = await ground.apply(path, "agent", wanted);
    assert.equal(status, 409);
    assert.match(body.message!, /conflict with "hpa" using apps\/v1: \.spec\.replicas$/);
  },

  async "a patch that sets what is set already takes nothing over"(ground) {
    const path = `${ground.in("configmaps")}/c`;
    const first = await ground.apply(path, "one", configMap("c", { a: "1" }));
    const same = await ground.call("PATCH", `${path}?fieldManager=two`, {
      body: { data: { a: "1" } },
      type: MERGE,
    });
    assert.deepEqual(same.body, first.body);
  },

  async "a patch may write managedFields, to give a field back"(ground) {
    const path = `${ground.in("configmaps")}/c`;
    const first = await ground.apply(path, "one", configMap("c", { a: "1" }));
    await ground.call("PATCH", `${path}?fieldManager=two`, {
      body: { data: { a: "2" } },
      type: MERGE,
    });
    const { managedFields } = first.body.metadata;
    const returned = await ground.call("PATCH", `${path}?fieldManager=two`, {
      body: { metadata: { managedFields } },
      type: MERGE,
    });
    assert.equal(returned.status, 200);
    assert.deepEqual(managersOf(returned.body), ["one Apply"]);
    assert.deepEqual(returned.body["data"], { a: "2" });
  },

  async "conflicts come level by level: what is owned itself, and then what lies below"(ground) {
    const path = `${ground.in("apps/v1/deployments")}/web`;
    const spec = (seconds: number) => ({ replicas: 0, progressDeadlineSeconds: seconds });
    const one = deployment("web", spec(60));
    one.metadata.annotations = { a: "1" };
    await ground.apply(path, "one", one);
    const two = deployment("web", { ...spec(61), selector: { matchLabels: { app: "x" } } });
    two.metadata.annotations = { a: "2" };
    const { body } = await ground.apply(path, "two", two);
    assert.equal(
      body.message,
      'Apply failed with 3 conflicts: conflicts with "one":\n- .metadata.annotations.a\n' +
        "- .spec.progressDeadlineSeconds\n- .spec.selector",
    );
  },

  async "an object that nobody owns is not tracked by updates"(ground) {
    const path = `${ground.in("configmaps")}/c`;
    const { data: _data, ...bare } = configMap("c");
    assert.deepEqual(managersOf((await ground.apply(path, "one", bare)).body), []);
    const changed = await ground.call("PATCH", `${path}?fieldManager=two`, {
      body: { data: { a: "1" } },
      type: MERGE,
    });
    assert.deepEqual(managersOf(changed.body), []);
    const applied = await ground.apply(path, "three", configMap("c", { b: "1" }));
    assert.deepEqual(managersOf(applied.body), ["before-first-apply Update", "three Apply"]);
    const before = applied.body.metadata.managedFields!.find(({ operation }) =>
      operation === "Update"
    );
    assert.deepEqual(before!.fieldsV1, { "f:data": { ".": {}, "f:a": {} } });
  },

  async "who adds a container owns that its resources are there"(ground) {
    const path = `${ground.in("apps/v1/deployments")}/web`;
    const { body } = await ground.apply(path, "one", deployment("web", { replicas: 0 }));
    const template = objectAt(body, "spec", "template", "spec")!;
    const added = {
      name: "proxy",
      image: "registry.local/p:1",
      resources: { limits: { cpu: "1" } },
    };
    const patched = await ground.call("PATCH", `${path}?fieldManager=two`, {
      body: {
        spec: { template: { spec: { containers: [...objectsIn(template["containers"]), added] } } },
      },
      type: MERGE,
    });
    const two = patched.body.metadata.managedFields!.find(({ manager }) => manager === "two")!;
    const owned = objectAt(two.fieldsV1, "f:spec", "f:template", "f:spec", "f:containers");
    assert.deepEqual(objectAt(owned!, 'k:{"name":"proxy"}')!["f:resources"], {
      ".": {},
      "f:limits": { ".": {}, "f:cpu": {} },
    });
  },

  async "managedFields that are reset are nobody's, until the first apply"(ground) {
    const path = `${ground.in("configmaps")}/c`;
    await ground.apply(path, "one", configMap("c", { a: "1" }));
    const reset = await ground.call("PATCH", `${path}?fieldManager=two`, {
      body: { metadata: { managedFields: [{}] } },
      type: MERGE,
    });
    assert.deepEqual(managersOf(reset.body), []);
    const { status, body } = await ground.apply(path, "three", configMap("c", { a: "9" }));
    assert.equal(status, 409);
    assert.match(body.message!, /conflict with "before-first-apply" using v1: \.data\.a$/);
  },
};
