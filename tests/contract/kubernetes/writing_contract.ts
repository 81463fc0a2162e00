/** Create, update and patch, and how each refuses. */
import assert from "node:assert/strict";
import { objectAt, objectsIn } from "../../../src/embedded/kubernetes/json.ts";
import { configMap, deployment, MERGE } from "./objects.ts";
import type { Contract } from "./target.ts";

const JSON_PATCH = "application/json-patch+json";

export const writingContract: Contract = {
  async "create refuses duplicates, missing namespaces and wrong bodies"(
    { call, in: path, namespace },
  ) {
    const maps = path("configmaps");
    assert.equal((await call("POST", maps, { body: configMap("c") })).status, 201);
    const again = await call("POST", maps, { body: configMap("c") });
    assert.deepEqual(again.body, {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: 'configmaps "c" already exists',
      reason: "AlreadyExists",
      details: { name: "c", kind: "configmaps" },
      code: 409,
    });
    const lost = await call("POST", "/api/v1/namespaces/none/configmaps", { body: configMap("c") });
    assert.deepEqual([lost.status, lost.body.message], [404, 'namespaces "none" not found']);
    assert.equal((await call("POST", maps, { body: "{" })).status, 400);
    assert.equal((await call("POST", maps, { body: deployment("x") })).status, 400);
    const elsewhere = await call("POST", maps, {
      body: configMap("d", {}, { namespace: "other" }),
    });
    assert.deepEqual([elsewhere.status, elsewhere.body.message], [
      400,
      "the namespace of the provided object does not match the namespace sent on the request",
    ]);
    const badName = await call("POST", maps, { body: configMap("Not_A_Name") });
    assert.deepEqual([badName.status, badName.body["reason"]], [422, "Invalid"]);
    assert.match(badName.body.message!, /^ConfigMap "Not_A_Name" is invalid: metadata\.name: Inva/);
    const xml = await call("POST", maps, { body: "<x/>", type: "text/xml" });
    assert.deepEqual([xml.status, xml.body["reason"]], [415, "UnsupportedMediaType"]);
    const generated = configMap("", {}, { generateName: "run-" });
    const named = await call("POST", maps, { body: generated });
    assert.match(named.body.metadata.name, /^run-[a-z0-9]{5,}$/);
    assert.equal(named.body.metadata.namespace, namespace);
  },

  async "a body over three mebibytes is answered 413"({ call, in: path }) {
    const big = configMap("big", { a: "x".repeat(3 * 1024 * 1024) });
    const { status, body } = await call("POST", path("configmaps"), { body: big });
    assert.deepEqual([status, body["reason"]], [413, "RequestEntityTooLarge"]);
  },

  async "update needs the present resourceVersion and counts generations of the spec alone"(
    { call, in: path },
  ) {
    const policies = path("networking.k8s.io/v1/networkpolicies");
    const policy = {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "web" },
      spec: { podSelector: {} },
    };
    const { body: first } = await call("POST", policies, { body: policy });
    const labelled = { ...first, metadata: { ...first.metadata, labels: { a: "1" } } };
    const second = await call("PUT", `${policies}/web`, { body: labelled });
    assert.deepEqual([second.status, second.body.metadata.generation], [200, 1]);
    const stale = await call("PUT", `${policies}/web`, { body: labelled });
    assert.equal(stale.status, 409);
    assert.equal(
      stale.body.message,
      'Operation cannot be fulfilled on networkpolicies.networking.k8s.io "web": the object has ' +
        "been modified; please apply your changes to the latest version and try again",
    );
    assert.deepEqual(stale.body.details, {
      name: "web",
      group: "networking.k8s.io",
      kind: "networkpolicies",
    });
    const spec = { podSelector: { matchLabels: { app: "web" } } };
    const third = await call("PUT", `${policies}/web`, { body: { ...second.body, spec } });
    assert.equal(third.body.metadata.generation, 2);
    const none = await call("PUT", `${policies}/none`, {
      body: { ...policy, metadata: { name: "none" } },
    });
    assert.equal(none.status, 404);
  },

  async "merge and JSON patches change the object, and a failed test changes nothing"(
    { call, in: path },
  ) {
    const maps = path("configmaps");
    await call("POST", maps, { body: configMap("c", { a: "1", b: "2" }) });
    const patch = (body: unknown, type: string) => call("PATCH", `${maps}/c`, { body, type });
    const merged = await patch({ data: { a: null, c: "3" } }, MERGE);
    assert.deepEqual(merged.body["data"], { b: "2", c: "3" });
    const patched = await patch([
      { op: "test", path: "/data/b", value: "2" },
      { op: "replace", path: "/data/b", value: "4" },
      { op: "add", path: "/data/d.e", value: "5" },
      { op: "remove", path: "/data/c" },
    ], JSON_PATCH);
    assert.deepEqual(patched.body["data"], { b: "4", "d.e": "5" });
    const failed = await patch([
      { op: "replace", path: "/data/b", value: "9" },
      { op: "test", path: "/data/b", value: "2" },
    ], JSON_PATCH);
    assert.deepEqual([failed.status, failed.body["reason"]], [422, "Invalid"]);
    assert.deepEqual((await call("GET", `${maps}/c`)).body["data"], { b: "4", "d.e": "5" });
    const odd = await patch("x", "application/odd-patch+json");
    assert.deepEqual([odd.status, odd.body["reason"]], [415, "UnsupportedMediaType"]);
    const none = await call("PATCH", `${maps}/none`, { body: {}, type: MERGE });
    assert.deepEqual([none.status, none.body.message], [404, 'configmaps "none" not found']);
  },

  async "a merge patch with a resourceVersion holds for that version alone"({ call, in: path }) {
    const maps = path("configmaps");
    const { body } = await call("POST", maps, { body: configMap("c", { a: "1" }) });
    const { resourceVersion } = body.metadata;
    const patch = (data: object) =>
      call("PATCH", `${maps}/c`, { body: { metadata: { resourceVersion }, data }, type: MERGE });
    assert.equal((await patch({ a: "2" })).status, 200);
    const stale = await patch({ a: "3" });
    assert.deepEqual([stale.status, stale.body["reason"]], [409, "Conflict"]);
    assert.equal(
      stale.body.message,
      'Operation cannot be fulfilled on configmaps "c": the object has been modified; please ' +
        "apply your changes to the latest version and try again",
    );
    assert.deepEqual((await call("GET", `${maps}/c`)).body["data"], { a: "2" });
  },

  async "what is empty or zero is left out of an object of a built-in kind"({ apply, in: path }) {
    const map = await apply(
      `${path("configmaps")}/c`,
      "agent",
      configMap("c", { a: "" }, { labels: {}, annotations: {}, finalizers: [] }),
    );
    assert.deepEqual(map.body["data"], { a: "" }, "the empty value of a key stays");
    const { labels, annotations, finalizers } = map.body.metadata;
    assert.deepEqual([labels, annotations, finalizers], [undefined, undefined, undefined]);
    const wanted = deployment("web", { replicas: 0, paused: false, minReadySeconds: 0 });
    const [container] = objectsIn(objectAt(wanted, "spec", "template", "spec")!["containers"]);
    container!["env"] = [{ name: "A", value: "" }];
    container!["args"] = [];
    const { body } = await apply(`${path("apps/v1/deployments")}/web`, "agent", wanted);
    const spec = objectAt(body, "spec")!;
    assert.deepEqual([spec["replicas"], spec["paused"], spec["minReadySeconds"]], [
      0,
      undefined,
      undefined,
    ]);
    const [stored] = objectsIn(objectAt(spec, "template", "spec")!["containers"]);
    assert.deepEqual([stored!["env"], stored!["args"]], [[{ name: "A" }], undefined]);
  },

  async "a dry run of create and patch stores nothing"({ call, in: path }) {
    const maps = path("configmaps");
    const dry = await call("POST", `${maps}?dryRun=All`, { body: configMap("c") });
    assert.equal(dry.status, 201);
    assert.equal((await call("GET", `${maps}/c`)).status, 404);
    const { body } = await call("POST", maps, { body: configMap("c", { a: "1" }) });
    const patched = await call("PATCH", `${maps}/c?dryRun=All&fieldManager=two`, {
      body: { data: { a: "2" } },
      type: MERGE,
    });
    assert.deepEqual(patched.body["data"], { a: "2" });
    assert.ok(patched.body.metadata.managedFields!.some(({ manager }) => manager === "two"));
    assert.deepEqual((await call("GET", `${maps}/c`)).body, body);
    const odd = await call("POST", `${maps}?dryRun=Some`, { body: configMap("d") });
    assert.deepEqual([odd.status, odd.body["reason"]], [422, "Invalid"]);
  },

  async "immutable fields are refused with 422 and their cause"({ call, in: path }) {
    const deployments = path("apps/v1/deployments");
    await call("POST", deployments, { body: deployment("web", { replicas: 0 }) });
    const moved = deployment("web", { selector: { matchLabels: { app: "other" } } });
    const { status, body } = await call("PUT", `${deployments}/web`, { body: moved });
    assert.equal(status, 422);
    const causes = objectsIn(body.details!["causes"]);
    assert.ok(causes.some(({ field }) => field === "spec.selector"));
    assert.match(body.message!, /spec\.selector: Invalid value: .*: field is immutable/);
    const services = path("services");
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web" },
      spec: { selector: { app: "web" }, ports: [{ port: 80 }] },
    };
    const created = await call("POST", services, { body: service });
    const spec = objectAt(created.body, "spec")!;
    assert.match(String(spec["clusterIP"]), /^10\.9[67]\./);
    assert.deepEqual(spec["ports"], [{ port: 80, protocol: "TCP", targetPort: 80 }]);
    const kept = await call("PUT", `${services}/web`, { body: service });
    assert.equal(objectAt(kept.body, "spec")!["clusterIP"], spec["clusterIP"]);
    const changed = { ...service, spec: { ...service.spec, clusterIP: "10.96.0.250" } };
    assert.equal((await call("PUT", `${services}/web`, { body: changed })).status, 422);
  },

  async "an object that is invalid is refused with every cause"({ call, in: path }) {
    const bad = deployment("web", { replicas: -1, selector: { matchLabels: { app: "other" } } });
    const { status, body } = await call("POST", path("apps/v1/deployments"), { body: bad });
    assert.equal(status, 422);
    assert.deepEqual([body["reason"], body.details!["kind"], body.details!["group"]], [
      "Invalid",
      "Deployment",
      "apps",
    ]);
    const fields = objectsIn(body.details!["causes"]).map(({ field }) => field);
    assert.deepEqual(fields.sort(), ["spec.replicas", "spec.template.metadata.labels"]);
    assert.match(body.message!, /spec\.replicas: Invalid value: -1: must be greater than or equal/);
  },

  async "an immutable ConfigMap stays as it is"({ call, in: path }) {
    const maps = path("configmaps");
    await call("POST", maps, { body: { ...configMap("c", { a: "1" }), immutable: true } });
    const { status, body } = await call("PATCH", `${maps}/c`, {
      body: { data: { a: "2" } },
      type: MERGE,
    });
    assert.equal(status, 422);
    assert.match(body.message!, /data: Forbidden: field is immutable when `immutable` is set/);
  },
};
