import assert from "node:assert/strict";
import {
  KubeConfig,
  type V1ConfigMap,
  type V1Deployment,
  type V1Status,
} from "@kubernetes/client-node";
import { parse } from "yaml";
import { type JsonObject, objectAt, objectsIn } from "../../src/embedded/kubernetes/json.ts";
import { configMap, deployment, DEPLOYMENTS, withKubernetes } from "./kubernetes_session.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const MERGE = "application/merge-patch+json";
const JSON_PATCH = "application/json-patch+json";

Deno.test("a request without a valid bearer token is answered 401", () =>
  withKubernetes(async ({ call }) => {
    for (const token of [null, "wrong"]) {
      const { status, body } = await call("GET", "/api/v1/namespaces", { token });
      assert.equal(status, 401);
      assert.deepEqual([body.kind, body["reason"], body["code"]], ["Status", "Unauthorized", 401]);
    }
    assert.equal((await call("GET", "/api/v1/namespaces", { token: "other" })).status, 200);
  }, { tokens: ["other"] }));

Deno.test("kubeconfig holds the address, the authority and a token", () =>
  withKubernetes(({ kubernetes }) => {
    const text = kubernetes.kubeconfig();
    const config = parse(text);
    assert.equal(config.clusters[0].cluster.server, kubernetes.url);
    const loaded = new KubeConfig();
    loaded.loadFromString(text);
    assert.equal(loaded.getCurrentCluster()?.server, kubernetes.url);
    assert.match(atob(loaded.getCurrentCluster()?.caData ?? ""), /^-----BEGIN CERTIFICATE-----/);
    assert.equal(loaded.getCurrentUser()?.token, kubernetes.token);
    return Promise.resolve();
  }));

Deno.test("answers have the shapes of client-node's models", () =>
  withKubernetes(async ({ call }) => {
    const created = await call("POST", DEPLOYMENTS, { body: deployment("web") });
    const typed = created.body as unknown as V1Deployment;
    assert.equal(typed.spec?.template.spec?.containers[0]?.image, "registry.local/web:1");
    assert.equal(typed.metadata?.managedFields?.[0]?.operation, "Update");
    const map = (await call("POST", MAPS, { body: configMap("c", { a: "1" }) }))
      .body as unknown as V1ConfigMap;
    assert.equal(map.data?.["a"], "1");
    const status = (await call("GET", `${MAPS}/none`)).body as unknown as V1Status;
    assert.equal(status.message, 'configmaps "none" not found');
    assert.deepEqual(status.details, { name: "none", kind: "configmaps" });
  }));

Deno.test("the server starts with its namespaces and describes what it serves", () =>
  withKubernetes(async ({ call }) => {
    const system = await call("GET", "/api/v1/namespaces/kube-system");
    assert.match(system.body.metadata.uid ?? "", /^[0-9a-f-]{36}$/);
    assert.equal((await call("GET", "/version")).body["major"], "1");
    assert.deepEqual((await call("GET", "/api")).body["versions"], ["v1"]);
    const groups = objectsIn((await call("GET", "/apis")).body["groups"]).map(({ name }) => name);
    assert.ok(groups.includes("apps") && groups.includes("coordination.k8s.io"));
    const apps = (await call("GET", "/apis/apps/v1")).body;
    assert.equal(apps.kind, "APIResourceList");
    const resources = objectsIn(apps["resources"]);
    const main = resources.find(({ name }) => name === "deployments")!;
    assert.deepEqual([main["kind"], main["namespaced"], main["shortNames"]], [
      "Deployment",
      true,
      ["deploy"],
    ]);
    assert.ok(resources.some(({ name }) => name === "deployments/scale"));
    assert.equal((await call("GET", "/apis/nowhere/v1")).status, 404);
    assert.equal((await call("GET", "/api/v1/namespaces/default/nothings")).status, 404);
  }));

Deno.test("create refuses duplicates, missing namespaces and wrong bodies", () =>
  withKubernetes(async ({ call }) => {
    assert.equal((await call("POST", MAPS, { body: configMap("c") })).status, 201);
    const again = await call("POST", MAPS, { body: configMap("c") });
    assert.deepEqual([again.status, again.body["reason"]], [409, "AlreadyExists"]);
    const lost = await call("POST", "/api/v1/namespaces/none/configmaps", { body: configMap("c") });
    assert.deepEqual([lost.status, lost.body.message], [404, 'namespaces "none" not found']);
    assert.equal((await call("POST", MAPS, { body: "{" })).status, 400);
    assert.equal((await call("POST", MAPS, { body: deployment("x") })).status, 400);
    const elsewhere = { ...configMap("d"), metadata: { name: "d", namespace: "other" } };
    assert.equal((await call("POST", MAPS, { body: elsewhere })).status, 400);
    const badName = await call("POST", MAPS, { body: configMap("Not_A_Name") });
    assert.deepEqual([badName.status, badName.body["reason"]], [422, "Invalid"]);
    const xml = await call("POST", MAPS, { body: "<x/>", type: "text/xml" });
    assert.deepEqual([xml.status, xml.body["reason"]], [415, "UnsupportedMediaType"]);
    const generated = { ...configMap(""), metadata: { generateName: "run-" } };
    const named = await call("POST", MAPS, { body: generated });
    assert.match(named.body.metadata.name, /^run-[a-z0-9]{5}$/);
  }));

Deno.test("a body over three mebibytes is answered 413", () =>
  withKubernetes(async ({ call }) => {
    const big = configMap("big", { a: "x".repeat(3 * 1024 * 1024) });
    const { status, body } = await call("POST", MAPS, { body: big });
    assert.deepEqual([status, body["reason"]], [413, "RequestEntityTooLarge"]);
  }));

Deno.test("strict validation refuses unknown fields, and otherwise they are dropped with a warning", () =>
  withKubernetes(async ({ call }) => {
    const body = deployment("web", { foo: 1 });
    const strict = await call("POST", `${DEPLOYMENTS}?fieldValidation=Strict`, { body });
    assert.equal(strict.status, 400);
    assert.equal(
      strict.body.message,
      'Deployment in version "v1" cannot be handled as a Deployment: ' +
        'strict decoding error: unknown field "spec.foo"',
    );
    const lax = await call("POST", DEPLOYMENTS, { body });
    assert.equal(lax.status, 201);
    assert.match(lax.headers.get("warning") ?? "", /unknown field/);
    assert.equal(objectAt(lax.body, "spec")!["foo"], undefined);
  }));

Deno.test("update needs the present resourceVersion and counts generations of the spec alone", () =>
  withKubernetes(async ({ call }) => {
    const { body: first } = await call("POST", DEPLOYMENTS, { body: deployment("web") });
    const labelled = { ...first, metadata: { ...first.metadata, labels: { a: "1" } } };
    const second = await call("PUT", `${DEPLOYMENTS}/web`, { body: labelled });
    assert.deepEqual([second.status, second.body.metadata.generation], [200, 1]);
    const stale = await call("PUT", `${DEPLOYMENTS}/web`, { body: labelled });
    assert.equal(stale.status, 409);
    assert.equal(
      stale.body.message,
      'Operation cannot be fulfilled on deployments.apps "web": the object has been modified; ' +
        "please apply your changes to the latest version and try again",
    );
    const scaled = { ...second.body, spec: { ...objectAt(second.body, "spec"), replicas: 4 } };
    const third = await call("PUT", `${DEPLOYMENTS}/web`, { body: scaled });
    assert.equal(third.body.metadata.generation, 2);
    assert.equal(
      (await call("PUT", `${DEPLOYMENTS}/none`, { body: deployment("none") })).status,
      404,
    );
  }, { rolloutMs: 60_000 }));

Deno.test("leases are a lock: of two writers from one version, one loses", () =>
  withKubernetes(async ({ call }) => {
    const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    const lease = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "leader" },
      spec: { holderIdentity: "one", leaseDurationSeconds: 15 },
    };
    const { body } = await call("POST", leases, { body: lease });
    const claim = (holder: string) =>
      call("PUT", `${leases}/leader`, { body: { ...body, spec: { holderIdentity: holder } } });
    const answers = await Promise.all([claim("two"), claim("three")]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
    const blind = await call("PUT", `${leases}/leader`, { body: lease });
    assert.equal(blind.status, 422, "an update without a version is refused");
  }));

Deno.test("merge and JSON patches change the object, and a failed test changes nothing", () =>
  withKubernetes(async ({ call }) => {
    await call("POST", MAPS, { body: configMap("c", { a: "1", b: "2" }) });
    const patch = (body: unknown, type: string) => call("PATCH", `${MAPS}/c`, { body, type });
    const merged = await patch({ data: { a: null, c: "3" } }, MERGE);
    assert.deepEqual(merged.body["data"], { b: "2", c: "3" });
    const patched = await patch([
      { op: "test", path: "/data/b", value: "2" },
      { op: "replace", path: "/data/b", value: "4" },
      { op: "add", path: "/data/d~1e", value: "5" },
      { op: "remove", path: "/data/c" },
    ], JSON_PATCH);
    assert.deepEqual(patched.body["data"], { b: "4", "d/e": "5" });
    const failed = await patch([
      { op: "replace", path: "/data/b", value: "9" },
      { op: "test", path: "/data/b", value: "2" },
    ], JSON_PATCH);
    assert.deepEqual([failed.status, failed.body["reason"]], [422, "Invalid"]);
    const stale = await patch({ metadata: { resourceVersion: "1" }, data: { x: "1" } }, MERGE);
    assert.equal(stale.status, 409);
    assert.deepEqual((await call("GET", `${MAPS}/c`)).body["data"], { b: "4", "d/e": "5" });
    const strategic = await patch({}, "application/strategic-merge-patch+json");
    assert.equal(strategic.status, 415);
  }));

Deno.test("immutable fields are refused with 422 and their cause", () =>
  withKubernetes(async ({ call }) => {
    await call("POST", DEPLOYMENTS, { body: deployment("web") });
    const moved = deployment("web", { selector: { matchLabels: { app: "other" } } });
    const { status, body } = await call("PUT", `${DEPLOYMENTS}/web`, { body: moved });
    assert.equal(status, 422);
    const fields = objectsIn(body.details!["causes"]).map(({ field }) => field);
    assert.ok(fields.includes("spec.selector"));
    const services = "/api/v1/namespaces/default/services";
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web" },
      spec: { selector: { app: "web" }, ports: [{ port: 80 }] },
    };
    const created = await call("POST", services, { body: service });
    const spec = objectAt(created.body, "spec")!;
    assert.match(String(spec["clusterIP"]), /^10\.96\./);
    assert.deepEqual(spec["ports"], [{ port: 80, protocol: "TCP", targetPort: 80 }]);
    const kept = await call("PUT", `${services}/web`, { body: service });
    assert.equal(objectAt(kept.body, "spec")!["clusterIP"], spec["clusterIP"]);
    const changed = { ...service, spec: { ...service.spec, clusterIP: "10.96.0.250" } };
    assert.equal((await call("PUT", `${services}/web`, { body: changed })).status, 422);
  }));

Deno.test("list selects by label and field, and pages", () =>
  withKubernetes(async ({ call }) => {
    for (const name of ["a", "b", "c", "d"]) {
      const labels = { tier: name < "c" ? "front" : "back" };
      await call("POST", MAPS, { body: { ...configMap(name), metadata: { name, labels } } });
    }
    const namesOf = (body: JsonObject) =>
      objectsIn(body["items"]).map((item) => objectAt(item, "metadata")!["name"]);
    const names = async (query: string) => namesOf((await call("GET", `${MAPS}?${query}`)).body);
    assert.deepEqual(await names("labelSelector=tier%3Dfront"), ["a", "b"]);
    assert.deepEqual(await names("labelSelector=tier%20in%20(back,side)"), ["c", "d"]);
    assert.deepEqual(await names("fieldSelector=metadata.name%3Dd"), ["d"]);
    const first = (await call("GET", `${MAPS}?limit=3`)).body;
    assert.deepEqual(namesOf(first), ["a", "b", "c"]);
    assert.equal(objectAt(first, "metadata")!["remainingItemCount"], 1);
    const token = encodeURIComponent(String(objectAt(first, "metadata")!["continue"]));
    assert.deepEqual(await names(`limit=3&continue=${token}`), ["d"]);
    assert.equal((await call("GET", `${MAPS}?continue=nonsense`)).status, 400);
  }));

Deno.test("delete honours preconditions, dry runs and finalizers", () =>
  withKubernetes(async ({ call }) => {
    const body = { ...configMap("c"), metadata: { name: "c", finalizers: ["example.com/wait"] } };
    const created = await call("POST", MAPS, { body });
    const wrong = await call("DELETE", `${MAPS}/c`, { body: { preconditions: { uid: "other" } } });
    assert.equal(wrong.status, 409);
    assert.equal((await call("DELETE", `${MAPS}/c?dryRun=All`)).status, 200);
    const { uid } = created.body.metadata;
    const marked = await call("DELETE", `${MAPS}/c`, { body: { preconditions: { uid } } });
    assert.ok(marked.body.metadata.deletionTimestamp);
    const freed = await call("PATCH", `${MAPS}/c`, {
      body: { metadata: { finalizers: null } },
      type: MERGE,
    });
    assert.equal(freed.status, 200);
    assert.equal((await call("GET", `${MAPS}/c`)).status, 404);
    await call("POST", MAPS, { body: configMap("d") });
    const gone = await call("DELETE", `${MAPS}/d`);
    assert.deepEqual([gone.body.kind, gone.body["status"]], ["Status", "Success"]);
    assert.equal((await call("DELETE", `${MAPS}/d`)).status, 404);
  }));

Deno.test("delete takes dependents along, or leaves them as orphans", () =>
  withKubernetes(async ({ call }) => {
    for (const policy of ["Background", "Orphan"]) {
      const owner = (await call("POST", MAPS, { body: configMap("owner") })).body.metadata;
      const ownerReferences = [
        { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: owner.uid },
      ];
      const name = policy.toLowerCase();
      await call("POST", MAPS, {
        body: { ...configMap(name), metadata: { name, ownerReferences } },
      });
      await call("DELETE", `${MAPS}/owner`, { body: { propagationPolicy: policy } });
      const left = await call("GET", `${MAPS}/${name}`);
      assert.equal(left.status, policy === "Orphan" ? 200 : 404);
    }
  }));

Deno.test("a deleted namespace takes no new objects and goes with all it holds", () =>
  withKubernetes(async ({ call, watch }) => {
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } };
    await call("POST", "/api/v1/namespaces", { body: namespace });
    await call("POST", "/api/v1/namespaces/shop/configmaps", { body: configMap("c") });
    const lines = await watch("/api/v1/namespaces?watch=true&fieldSelector=metadata.name%3Dshop");
    const { body } = await call("DELETE", "/api/v1/namespaces/shop");
    assert.equal(objectAt(body, "status")!["phase"], "Terminating");
    const late = await call("POST", "/api/v1/namespaces/shop/configmaps", { body: configMap("d") });
    assert.equal(late.status, 403);
    let event = await lines.next();
    while (event?.type !== "DELETED") event = await lines.next();
    await lines.close();
    assert.equal((await call("GET", "/api/v1/namespaces/shop/configmaps/c")).status, 404);
  }, { rolloutMs: 40 }));

Deno.test("hooks refuse requests and objects, and access reviews tell so beforehand", () =>
  withKubernetes(async ({ kubernetes, call, apply }) => {
    kubernetes.hooks.authorize = ({ resource, verb }) =>
      resource === "secrets" && verb !== "get"
        ? { code: 403, reason: "Forbidden", message: "" }
        : null;
    const refused = await call("GET", "/api/v1/namespaces/default/secrets");
    assert.equal(refused.status, 403);
    assert.equal(
      refused.body.message,
      'secrets is forbidden: User "admin" cannot list resource "secrets" in API group "" in the ' +
        'namespace "default"',
    );
    const review = (verb: string) =>
      call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
        body: { spec: { resourceAttributes: { verb, resource: "secrets", namespace: "default" } } },
      });
    assert.equal(objectAt((await review("get")).body, "status")!["allowed"], true);
    assert.equal(objectAt((await review("delete")).body, "status")!["allowed"], false);
    const rules = await call("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {
      body: { spec: { namespace: "default" } },
    });
    const secrets = objectsIn(objectAt(rules.body, "status")!["resourceRules"]).find((
      { resources },
    ) => Array.isArray(resources) && resources[0] === "secrets");
    assert.deepEqual(secrets!["verbs"], ["get"]);

    kubernetes.hooks.authorize = ({ verb }) =>
      verb === "create" ? { code: 403, reason: "Forbidden", message: "may not create" } : null;
    const created = await apply(`${MAPS}/c`, "agent", configMap("c"));
    assert.equal(created.status, 403, "an apply that creates needs the right to create");
    kubernetes.hooks.authorize = () => null;

    kubernetes.hooks.admission = (info, object) =>
      info.resource === "configmaps" && objectAt(object as JsonObject, "data")?.["bad"]
        ? { code: 403, reason: "Forbidden", message: 'admission webhook "x" denied the request' }
        : null;
    const denied = await apply(`${MAPS}/c`, "agent", configMap("c", { bad: "1" }));
    assert.deepEqual([denied.status, denied.body.message], [
      403,
      'admission webhook "x" denied the request',
    ]);
    assert.equal((await apply(`${MAPS}/c`, "agent", configMap("c"))).status, 201);
  }));

Deno.test("requests are counted by verb", () =>
  withKubernetes(async ({ kubernetes, call, apply }) => {
    await apply(`${MAPS}/c`, "agent", configMap("c"));
    await call("GET", `${MAPS}/c`);
    await call("GET", MAPS);
    assert.deepEqual(Object.fromEntries(kubernetes.requests), { patch: 1, get: 1, list: 1 });
  }));

Deno.test("a stopped server comes back with its state", () =>
  withKubernetes(async ({ kubernetes, call }) => {
    await call("POST", MAPS, { body: configMap("c") });
    await kubernetes.server.stop();
    await assert.rejects(call("GET", `${MAPS}/c`));
    kubernetes.server.start();
    assert.equal((await call("GET", `${MAPS}/c`)).status, 200);
  }));
