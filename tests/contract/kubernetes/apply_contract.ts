/** Server-side apply: what it creates, changes, leaves alone, and removes. */
import assert from "node:assert/strict";
import { objectAt, objectsIn } from "../../../src/embedded/kubernetes/json.ts";
import { configMap, deployment } from "./objects.ts";
import type { Contract } from "./target.ts";

export const applyContract: Contract = {
  async "apply creates a deployment with defaults that nobody owns"(ground) {
    const path = `${ground.in("apps/v1/deployments")}/web`;
    const { status, body } = await ground.apply(path, "agent", deployment("web"));
    assert.equal(status, 201);
    assert.equal(body.metadata.generation, 1);
    assert.match(body.metadata.uid ?? "", /^[0-9a-f-]{36}$/);
    const spec = objectAt(body, "spec")!;
    assert.equal(spec["replicas"], 1);
    assert.equal(spec["progressDeadlineSeconds"], 600);
    assert.deepEqual(spec["strategy"], {
      type: "RollingUpdate",
      rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" },
    });
    const [container] = objectsIn(objectAt(spec, "template", "spec")!["containers"]);
    assert.equal(container!["imagePullPolicy"], "IfNotPresent");
    assert.equal(container!["terminationMessagePath"], "/dev/termination-log");
    assert.deepEqual(body["status"], {});
    const [entry] = body.metadata.managedFields!;
    assert.equal(body.metadata.managedFields!.length, 1);
    assert.match(entry!.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.deepEqual({ ...entry, time: "" }, {
      manager: "agent",
      operation: "Apply",
      apiVersion: "apps/v1",
      time: "",
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:spec": {
          "f:selector": {},
          "f:template": {
            "f:metadata": { "f:labels": { "f:app": {} } },
            "f:spec": {
              "f:containers": {
                'k:{"name":"main"}': { ".": {}, "f:image": {}, "f:name": {} },
              },
            },
          },
        },
      },
    });
  },

  async "apply without any change does not move the resourceVersion"(ground) {
    const path = `${ground.in("configmaps")}/c`;
    const first = await ground.apply(path, "agent", configMap("c", { a: "1" }));
    const again = await ground.apply(path, "agent", configMap("c", { a: "1" }));
    assert.equal(again.status, 200);
    assert.deepEqual(again.body, first.body);
  },

  async "apply removes what its manager leaves out, and what it emptied with it"(ground) {
    const path = `${ground.in("configmaps")}/c`;
    const labelled = configMap("c", { a: "1", b: "2" }, { labels: { tier: "front" } });
    await ground.apply(path, "agent", labelled);
    const smaller = await ground.apply(path, "agent", configMap("c", { a: "1" }));
    assert.deepEqual(smaller.body["data"], { a: "1" });
    assert.equal(smaller.body.metadata.labels, undefined);
    const { data: _data, ...bare } = configMap("c");
    const empty = await ground.apply(path, "agent", bare);
    assert.equal(empty.body["data"], undefined);
    assert.deepEqual(empty.body.metadata.managedFields?.map(({ manager }) => manager), undefined);
  },

  async "apply of a field that defaults after another manager gave it up resets it"(ground) {
    const path = `${ground.in("apps/v1/deployments")}/web`;
    await ground.apply(path, "agent", deployment("web", { replicas: 4 }));
    const { body } = await ground.apply(path, "agent", deployment("web"));
    assert.equal(objectAt(body, "spec")!["replicas"], 1);
    assert.equal(body.metadata.generation, 2);
  },

  async "apply merges lists by key and keeps the items of others"(ground) {
    const path = `${ground.in("apps/v1/deployments")}/web`;
    await ground.apply(path, "agent", deployment("web"));
    const proxy = {
      name: "proxy",
      image: "registry.local/proxy:1",
      ports: [{ containerPort: 80 }],
      env: [{ name: "A", value: "1" }, { name: "B", value: "2" }],
    };
    const sidecar = (...containers: object[]) => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web" },
      spec: { template: { spec: { containers } } },
    });
    const { body } = await ground.apply(path, "mesh", sidecar(proxy));
    const containers = objectsIn(objectAt(body, "spec", "template", "spec")!["containers"]);
    assert.deepEqual(containers.map((container) => container["name"]), ["main", "proxy"]);
    assert.equal(body.metadata.generation, 2);
    const mesh = body.metadata.managedFields!.find(({ manager }) => manager === "mesh")!;
    assert.ok(
      JSON.stringify(mesh.fieldsV1).includes('k:{\\"containerPort\\":80,\\"protocol\\":\\"TCP\\"}'),
    );

    const less = await ground.apply(path, "mesh", sidecar({ ...proxy, env: proxy.env.slice(1) }));
    const [, left] = objectsIn(objectAt(less.body, "spec", "template", "spec")!["containers"]);
    assert.deepEqual(left!["env"], [{ name: "B", value: "2" }]);

    const refused = await ground.apply(
      path,
      "mesh",
      sidecar({ name: "main", image: "registry.local/web:9" }),
    );
    assert.equal(
      refused.body.message,
      'Apply failed with 1 conflict: conflict with "agent": ' +
        '.spec.template.spec.containers[name="main"].image',
    );
    assert.equal(refused.status, 409);
  },

  async "apply in a dry run answers in full and stores nothing"(ground) {
    const maps = ground.in("configmaps");
    const dry = await ground.apply(`${maps}/c`, "one", configMap("c", { a: "1" }), "&dryRun=All");
    assert.equal(dry.status, 201);
    assert.equal(dry.body.metadata.managedFields?.length, 1);
    assert.match(dry.body.metadata.uid ?? "", /^[0-9a-f-]{36}$/);
    assert.equal(dry.body.metadata.resourceVersion, undefined);
    assert.equal((await ground.call("GET", `${maps}/c`)).status, 404);
    const real = await ground.apply(`${maps}/c`, "one", configMap("c", { a: "1" }));
    assert.notEqual(real.body.metadata.uid, dry.body.metadata.uid);
    const change = await ground.apply(
      `${maps}/c`,
      "one",
      configMap("c", { a: "2" }),
      "&dryRun=All",
    );
    assert.deepEqual(change.body["data"], { a: "2" });
    assert.equal(change.body.metadata.resourceVersion, real.body.metadata.resourceVersion);
    assert.deepEqual((await ground.call("GET", `${maps}/c`)).body, real.body);
    const refused = await ground.apply(
      `${maps}/c`,
      "two",
      configMap("c", { a: "2" }),
      "&dryRun=All",
    );
    assert.equal(refused.status, 409, "conflicts show in a dry run too");
  },

  async "a dry run counts the generation that the change would have"(ground) {
    const path = `${ground.in("apps/v1/deployments")}/web`;
    // Paused and without replicas, so that its controller has little to write in between.
    await ground.apply(path, "agent", deployment("web", { replicas: 0 }));
    const dry = await ground.apply(
      path,
      "agent",
      deployment("web", { replicas: 2, minReadySeconds: 1 }),
      "&dryRun=All",
    );
    assert.equal(dry.body.metadata.generation, 2);
    const own = dry.body.metadata.managedFields!.find(({ manager }) => manager === "agent")!;
    assert.notEqual(objectAt(own.fieldsV1, "f:spec")!["f:minReadySeconds"], undefined);
    assert.equal((await ground.call("GET", path)).body.metadata.generation, 1);
  },
};
