import assert from "node:assert/strict";
import {
  KubeConfig,
  type V1ConfigMap,
  type V1Deployment,
  type V1Status,
} from "@kubernetes/client-node";
import { parse } from "yaml";
import { type JsonObject, objectAt, objectsIn } from "../../src/embedded/kubernetes/json.ts";
import { configMap, deployment, DEPLOYMENTS, MAPS, withKubernetes } from "./kubernetes_session.ts";

Deno.test("more tokens may be let in, each as a user of its own", () =>
  withKubernetes(async ({ call, kubernetes }) => {
    const users: string[] = [];
    kubernetes.hooks.authorize = ({ user }) => {
      users.push(user);
      return null;
    };
    for (const token of ["other", "third"]) {
      assert.equal((await call("GET", "/api/v1/namespaces", { as: { token } })).status, 200);
    }
    assert.deepEqual(users, ["user-1", "user-2"]);
  }, { tokens: ["other", "third"] }));

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
