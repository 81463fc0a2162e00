import assert from "node:assert/strict";
import { objectAt, objectsIn } from "../../src/embedded/kubernetes/json.ts";
import { configMap, deployment, DEPLOYMENTS, withKubernetes } from "./kubernetes_session.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";

Deno.test("apply creates a deployment with defaults that nobody owns", () =>
  withKubernetes(async ({ apply }) => {
    const { status, body } = await apply(`${DEPLOYMENTS}/web`, "agent", deployment("web"));
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
    const [entry] = body.metadata.managedFields!;
    assert.equal(body.metadata.managedFields!.length, 1);
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
  }));

Deno.test("apply answers a conflict that names the owner and the field", () =>
  withKubernetes(async ({ kubernetes, apply, call }) => {
    kubernetes.store.put(
      { ...deployment("web", { replicas: 3 }), metadata: { name: "web", namespace: "default" } },
      "kubectl-client-side-apply",
    );
    const before = await call("GET", `${DEPLOYMENTS}/web`);
    const wanted = deployment("web", { replicas: 5 });
    const { status, body } = await apply(`${DEPLOYMENTS}/web`, "agent", wanted);
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
    assert.deepEqual((await call("GET", `${DEPLOYMENTS}/web`)).body, before.body);

    const forced = await apply(`${DEPLOYMENTS}/web`, "agent", wanted, "&force=true");
    assert.equal(forced.status, 200);
    assert.equal(objectAt(forced.body, "spec")!["replicas"], 5);
    const owners = forced.body.metadata.managedFields!.filter((entry) =>
      objectAt(entry.fieldsV1, "f:spec")?.["f:replicas"] !== undefined
    );
    assert.deepEqual(owners.map(({ manager }) => manager), ["agent"]);
  }));

Deno.test("apply lists every conflict when there are several", () =>
  withKubernetes(async ({ apply }) => {
    await apply(`${MAPS}/c`, "one", configMap("c", { a: "1", b: "1" }));
    const { body } = await apply(`${MAPS}/c`, "two", configMap("c", { a: "2", b: "2" }));
    assert.equal(
      body.message,
      'Apply failed with 2 conflicts: conflicts with "one":\n- .data.a\n- .data.b',
    );
  }));

Deno.test("apply of equal values shares ownership and changes nothing else", () =>
  withKubernetes(async ({ apply }) => {
    const first = await apply(`${MAPS}/c`, "one", configMap("c", { a: "1" }));
    const shared = await apply(`${MAPS}/c`, "two", configMap("c", { a: "1" }));
    assert.equal(shared.status, 200);
    assert.equal(shared.body.metadata.managedFields!.length, 2);
    assert.notEqual(shared.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
    const left = await apply(`${MAPS}/c`, "one", configMap("c", {}));
    assert.deepEqual(left.body["data"], { a: "1" }, "the other owner keeps the field");
    const gone = await apply(`${MAPS}/c`, "two", configMap("c", {}));
    assert.equal(objectAt(gone.body, "data")?.["a"], undefined);
  }));

Deno.test("apply without any change does not move the resourceVersion", () =>
  withKubernetes(async ({ apply }) => {
    const first = await apply(`${DEPLOYMENTS}/web`, "agent", deployment("web"));
    const again = await apply(`${DEPLOYMENTS}/web`, "agent", deployment("web"));
    assert.equal(again.status, 200);
    assert.equal(again.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
    assert.deepEqual(again.body.metadata.managedFields, first.body.metadata.managedFields);
  }, { rolloutMs: 60_000 }));

Deno.test("apply in a dry run answers in full and stores nothing", () =>
  withKubernetes(async ({ apply, call }) => {
    const dry = await apply(`${MAPS}/c`, "one", configMap("c", { a: "1" }), "&dryRun=All");
    assert.equal(dry.status, 201);
    assert.ok(dry.body.metadata.managedFields);
    assert.equal((await call("GET", `${MAPS}/c`)).status, 404);
    const real = await apply(`${MAPS}/c`, "one", configMap("c", { a: "1" }));
    const change = await apply(`${MAPS}/c`, "one", configMap("c", { a: "2" }), "&dryRun=All");
    assert.deepEqual(change.body["data"], { a: "2" });
    assert.equal(change.body.metadata.resourceVersion, real.body.metadata.resourceVersion);
    assert.deepEqual((await call("GET", `${MAPS}/c`)).body, real.body);
    const refused = await apply(`${MAPS}/c`, "two", configMap("c", { a: "2" }), "&dryRun=All");
    assert.equal(refused.status, 409, "conflicts show in a dry run too");
  }));

Deno.test("apply merges lists by key and keeps the items of others", () =>
  withKubernetes(async ({ apply }) => {
    const path = `${DEPLOYMENTS}/web`;
    await apply(path, "agent", deployment("web"));
    const sidecar = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web" },
      spec: {
        template: {
          spec: {
            containers: [{
              name: "proxy",
              image: "registry.local/proxy:1",
              ports: [{ containerPort: 80 }],
              env: [{ name: "A", value: "1" }, { name: "B", value: "2" }],
            }],
          },
        },
      },
    };
    const { body } = await apply(path, "mesh", sidecar);
    const containers = objectsIn(objectAt(body, "spec", "template", "spec")!["containers"]);
    assert.deepEqual(containers.map((container) => container["name"]), ["main", "proxy"]);
    assert.equal(body.metadata.generation, 2);
    const mesh = body.metadata.managedFields!.find(({ manager }) => manager === "mesh")!;
    assert.ok(
      JSON.stringify(mesh.fieldsV1).includes('k:{\\"containerPort\\":80,\\"protocol\\":\\"TCP\\"}'),
    );

    const env = sidecar.spec.template.spec.containers[0]!.env;
    env.splice(0, 1);
    const smaller = await apply(path, "mesh", sidecar);
    const [, proxy] = objectsIn(objectAt(smaller.body, "spec", "template", "spec")!["containers"]);
    assert.deepEqual(proxy!["env"], [{ name: "B", value: "2" }]);

    const conflicting = structuredClone(sidecar);
    conflicting.spec.template.spec.containers = [
      { name: "main", image: "registry.local/web:9" } as never,
    ];
    const refused = await apply(path, "mesh", conflicting);
    assert.equal(
      refused.body.message,
      'Apply failed with 1 conflict: conflict with "agent": ' +
        '.spec.template.spec.containers[name="main"].image',
    );
    assert.equal(refused.status, 409);
  }));

Deno.test("apply of a field that defaults after another manager gave it up resets it", () =>
  withKubernetes(async ({ apply }) => {
    await apply(`${DEPLOYMENTS}/web`, "agent", deployment("web", { replicas: 4 }));
    const { body } = await apply(`${DEPLOYMENTS}/web`, "agent", deployment("web"));
    assert.equal(objectAt(body, "spec")!["replicas"], 1);
    assert.equal(body.metadata.generation, 2);
  }));

Deno.test("an update takes the fields that it changes from their appliers", () =>
  withKubernetes(async ({ apply, call }) => {
    await apply(`${DEPLOYMENTS}/web`, "agent", deployment("web", { replicas: 2 }));
    const scaled = await call("PATCH", `${DEPLOYMENTS}/web?fieldManager=hpa`, {
      body: { spec: { replicas: 7 } },
      type: "application/merge-patch+json",
    });
    assert.equal(scaled.status, 200);
    const { status, body } = await apply(
      `${DEPLOYMENTS}/web`,
      "agent",
      deployment("web", { replicas: 2 }),
    );
    assert.equal(status, 409);
    assert.match(body.message!, /conflict with "hpa" using apps\/v1: \.spec\.replicas$/);
  }, { rolloutMs: 60_000 }));

Deno.test("apply refuses what it cannot type, as the real server does", () =>
  withKubernetes(async ({ apply }) => {
    const unknown = await apply(`${DEPLOYMENTS}/web`, "agent", deployment("web", { foo: 1 }));
    assert.equal(unknown.status, 500);
    assert.equal(
      unknown.body.message,
      "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): " +
        ".spec.foo: field not declared in schema",
    );
    const twice = deployment("web");
    objectsIn(objectAt(twice, "spec", "template", "spec")!["containers"])[0]!["env"] = [
      { name: "A", value: "1" },
      { name: "A", value: "2" },
    ];
    const duplicate = await apply(`${DEPLOYMENTS}/web`, "agent", twice);
    assert.match(duplicate.body.message!, /duplicate entries for key \[name="A"\]$/);
    const managed = { ...configMap("c"), metadata: { name: "c", managedFields: [{}] } };
    assert.equal((await apply(`${MAPS}/c`, "agent", managed)).status, 400);
    assert.equal((await apply(`${MAPS}/c`, "", configMap("c"))).status, 422);
    assert.equal((await apply(`${MAPS}/other`, "agent", configMap("c"))).status, 400);
  }));

Deno.test("apply with a stale resourceVersion or a foreign uid is a conflict", () =>
  withKubernetes(async ({ apply }) => {
    const { body } = await apply(`${MAPS}/c`, "agent", configMap("c", { a: "1" }));
    const withMetadata = (metadata: object) => ({
      ...configMap("c", { a: "2" }),
      metadata: { name: "c", ...metadata },
    });
    const stale = await apply(`${MAPS}/c`, "agent", withMetadata({ resourceVersion: "1" }));
    assert.equal(stale.status, 409);
    assert.match(stale.body.message!, /the object has been modified/);
    const foreign = await apply(`${MAPS}/c`, "agent", withMetadata({ uid: crypto.randomUUID() }));
    assert.equal(foreign.status, 409);
    const { resourceVersion } = body.metadata;
    const fresh = await apply(`${MAPS}/c`, "agent", withMetadata({ resourceVersion }));
    assert.equal(fresh.status, 200);
    const missing = { ...configMap("d"), metadata: { name: "d", uid: crypto.randomUUID() } };
    assert.equal((await apply(`${MAPS}/d`, "agent", missing)).status, 409);
  }));

Deno.test("status and scale are applied by their own endpoints", () =>
  withKubernetes(async ({ apply, call }) => {
    const path = `${DEPLOYMENTS}/web`;
    await apply(path, "agent", deployment("web", { replicas: 2 }));
    const claimed = { ...deployment("web", { replicas: 2 }), status: { readyReplicas: 9 } };
    const ignored = await apply(path, "agent", claimed);
    assert.equal(objectAt(ignored.body, "status")!["readyReplicas"], undefined);

    const status = await apply(`${path}/status`, "controller", {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web" },
      status: { readyReplicas: 9, conditions: [{ type: "Available", status: "True" }] },
    });
    assert.equal(objectAt(status.body, "status")!["readyReplicas"], 9);
    assert.equal(status.body.metadata.generation, 1);

    const scale = await call("GET", `${path}/scale`);
    assert.equal(scale.body.kind, "Scale");
    assert.deepEqual(scale.body["spec"], { replicas: 2 });
    const body = {
      apiVersion: "autoscaling/v1",
      kind: "Scale",
      metadata: { name: "web" },
      spec: { replicas: 6 },
    };
    const refused = await apply(`${path}/scale`, "hpa", body);
    assert.equal(refused.body.details!["causes"] !== undefined, true);
    const forced = await apply(`${path}/scale`, "hpa", body, "&force=true");
    assert.equal(forced.status, 200);
    assert.deepEqual(forced.body["spec"], { replicas: 6 });
    const live = await call("GET", path);
    assert.equal(live.body.metadata.generation, 2);
    const hpa = live.body.metadata.managedFields!.find(({ manager }) => manager === "hpa")!;
    assert.equal(hpa.subresource, "scale");
    const conflict = await apply(path, "agent", deployment("web", { replicas: 2 }));
    assert.match(conflict.body.message!, /conflict with "hpa" with subresource "scale"/);
  }, { rolloutMs: 60_000 }));
