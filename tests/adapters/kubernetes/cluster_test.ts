import assert from "node:assert/strict";
import { readClusterFacts } from "../../../src/adapters/kubernetes/cluster_facts.ts";
import { KubernetesApi } from "../../../src/adapters/kubernetes/api.ts";
import { type KubeObject, uidOf } from "../../../src/core/kubernetes_object.ts";
import { assessHealth } from "../../../src/core/object_health.ts";
import { createPki } from "../../../src/embedded/pki.ts";
import { type Handler, serveTls } from "../../../src/embedded/serve.ts";
import { pki, runtime, withCluster } from "../../fakes/kubernetes_cluster.ts";

const WRITE = { dryRun: false };
const TRY = { dryRun: true };
const ref = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: "settings" };
const settings = (data: Record<string, string>, metadata: Record<string, string> = {}) =>
  ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings", namespace: "shop", ...metadata },
    data,
  }) as KubeObject;
const deployment = (spec: Record<string, unknown> = {}) =>
  ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "shop" },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: [{ name: "app", image: "web:1" }] },
      },
      ...spec,
    },
  }) as unknown as KubeObject;

Deno.test("resolve finds kinds of every group, and asks the server once a group", () =>
  withCluster(async ({ cluster, kubernetes }) => {
    const namespaced = true;
    assert.deepEqual(await cluster.resolve(ref), { plural: "configmaps", namespaced });
    assert.deepEqual(await cluster.resolve({ apiVersion: "v1", kind: "Namespace" }), {
      plural: "namespaces",
      namespaced: false,
    });
    assert.deepEqual(await cluster.resolve({ apiVersion: "apps/v1", kind: "Deployment" }), {
      plural: "deployments",
      namespaced,
    });
    assert.equal(kubernetes.requests.get("discover"), 2);
  }));

Deno.test("resolve refuses kinds and groups that the server does not have", () =>
  withCluster(async ({ cluster }) => {
    for (
      const unknown of [
        { apiVersion: "v1", kind: "Widget" },
        { apiVersion: "example.org/v1", kind: "Widget" },
        { apiVersion: "apps/v1", kind: "Scale" },
      ]
    ) {
      await assert.rejects(cluster.resolve(unknown), {
        code: "not_found",
        message: /does not know/,
      });
    }
  }));

Deno.test("resolve looks again for a kind that has been added since", () =>
  withCluster(async ({ cluster }) => {
    const widget = { apiVersion: "example.org/v1", kind: "Widget" };
    await assert.rejects(cluster.resolve(widget), { code: "not_found" });
    await cluster.apply(
      {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: "widgets.example.org" },
        spec: {
          group: "example.org",
          scope: "Namespaced",
          names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
          versions: [{
            name: "v1",
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: "object" } },
          }],
        },
      } as KubeObject,
      WRITE,
    );
    const definition = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      name: "widgets.example.org",
    };
    while (assessHealth((await cluster.get(definition))!).state !== "current");
    assert.equal((await cluster.resolve(widget)).plural, "widgets");
  }));

Deno.test("get returns the object, and null where there is none", () =>
  withCluster(async ({ cluster, kubernetes }) => {
    assert.equal(await cluster.get(ref), null);
    kubernetes.store.put(settings({ a: "1" }), "kubectl");
    const live = await cluster.get(ref);
    assert.deepEqual(live?.data, { a: "1" });
    assert.equal(await cluster.get({ ...ref, namespace: "nowhere" }), null);
  }));

Deno.test("apply creates and changes under its field manager, and a dry run stores nothing", () =>
  withCluster(async ({ cluster, kubernetes }) => {
    const tried = await cluster.apply(settings({ a: "1" }), TRY);
    assert.deepEqual(tried.object.data, { a: "1" });
    assert.equal(await cluster.get(ref), null);
    await cluster.apply(settings({ a: "1" }), WRITE);
    await cluster.apply(settings({ a: "2" }), TRY);
    const live = kubernetes.store.get("v1", "ConfigMap", "shop", "settings")!;
    assert.deepEqual(live.data, { a: "1" });
    const managers = live.metadata.managedFields as { manager: string; operation: string }[];
    assert.deepEqual(managers.map(({ manager, operation }) => [manager, operation]), [
      ["connector", "Apply"],
    ]);
  }));

Deno.test("apply never forces: a conflict names field and owner", () =>
  withCluster(async ({ cluster, kubernetes }) => {
    kubernetes.store.put(deployment({ replicas: 5 }), "kubectl-edit");
    await assert.rejects(cluster.apply(deployment(), WRITE), {
      code: "field_conflict",
      message:
        /apps\/v1\/Deployment shop\/web: owned by others: .*\.spec\.replicas.*"kubectl-edit"/,
    });
    const live = kubernetes.store.get("apps/v1", "Deployment", "shop", "web");
    assert.equal((live?.spec as { replicas: number }).replicas, 5);
  }));

Deno.test("apply refuses an unknown field, which the server answers with 500", () =>
  withCluster(async ({ cluster }) => {
    await assert.rejects(cluster.apply(deployment({ replicsa: 3 }), TRY), {
      code: "admission_denied",
      message: /failed to create typed patch object.*replicsa/,
    });
  }));

Deno.test("apply passes on what an invalid object is refused for", () =>
  withCluster(async ({ cluster }) => {
    await assert.rejects(cluster.apply(deployment({ replicas: -1 }), TRY), {
      code: "admission_denied",
    });
    const nowhere = settings({}, { namespace: "nowhere" });
    await assert.rejects(cluster.apply(nowhere, WRITE), { code: "not_found" });
  }));

Deno.test("create refuses an object that is there already", () =>
  withCluster(async ({ cluster }) => {
    await cluster.create(settings({ a: "1" }), TRY);
    await cluster.create(settings({ a: "1" }), WRITE);
    await assert.rejects(cluster.create(settings({ a: "2" }), WRITE), { code: "field_conflict" });
  }));

Deno.test("merge changes only the version that was read, and keeps other metadata of the patch", () =>
  withCluster(async ({ cluster }) => {
    const { object } = await cluster.apply(settings({ a: "1" }), WRITE);
    const version = String(object.metadata.resourceVersion);
    const patch = { metadata: { labels: { tier: "1" } }, data: { b: "2", a: null } };
    const merged = await cluster.merge(ref, patch, version, WRITE);
    assert.deepEqual(merged.object.data, { b: "2" });
    assert.deepEqual(merged.object.metadata.labels, { tier: "1" });
    await assert.rejects(cluster.merge(ref, { data: { b: "3" } }, version, WRITE), {
      code: "field_conflict",
    });
    await cluster.merge(ref, { data: { b: "4" } }, null, TRY);
    const anyVersion = await cluster.merge(ref, { data: { b: "5" } }, null, WRITE);
    assert.deepEqual(anyVersion.object.data, { b: "5" });
    const missing = cluster.merge({ ...ref, name: "none" }, {}, null, WRITE);
    await assert.rejects(missing, { code: "not_found" });
  }));

Deno.test("delete removes only the object that is meant, and is content when it is gone", () =>
  withCluster(async ({ cluster }) => {
    const { object } = await cluster.apply(settings({ a: "1" }), WRITE);
    const uid = uidOf(object)!;
    await assert.rejects(cluster.delete(ref, "another-uid", WRITE), { code: "plan_changed" });
    await cluster.delete(ref, uid, TRY);
    assert.ok(await cluster.get(ref));
    await cluster.delete(ref, uid, WRITE);
    assert.equal(await cluster.get(ref), null);
    await cluster.delete(ref, uid, WRITE);
  }));

Deno.test("a refusal by RBAC is about us, one by admission about the object", () =>
  withCluster(async ({ cluster, kubernetes }) => {
    kubernetes.hooks.authorize = ({ verb }) =>
      verb === "patch" ? { code: 403, reason: "Forbidden", message: "" } : null;
    await assert.rejects(cluster.apply(settings({}), WRITE), {
      code: "access_denied",
      message: /User "admin" cannot patch resource "configmaps"/,
    });
    kubernetes.hooks.authorize = () => null;
    kubernetes.hooks.admission = () => ({
      code: 403,
      reason: "Forbidden",
      message: 'admission webhook "naming.example" denied the request: no such name',
    });
    await assert.rejects(cluster.apply(settings({}), TRY), {
      code: "admission_denied",
      message: /naming\.example/,
    });
  }));

Deno.test("an unknown token is read once more, and then it is a refusal", () =>
  withCluster(async ({ cluster, tokens }) => {
    await assert.rejects(cluster.get(ref), { code: "access_denied", message: /does not know us/ });
    assert.equal(tokens.forgotten, 1);
  }, { token: () => Promise.resolve("wrong") }));

Deno.test("a token that was rotated is read again, and the request goes through", async () => {
  const presented: (string | null)[] = [];
  let token = "old";
  await withServer((request) => {
    presented.push(request.headers.get("authorization"));
    return presented.length === 1
      ? Response.json({ message: "Unauthorized" }, { status: 401 })
      : Response.json({ gitVersion: "v1.36.0" });
  }, async (api) => {
    await api.request({ method: "GET", path: "/version", what: "read the version" });
    assert.deepEqual(presented, ["Bearer old", "Bearer new"]);
  }, { token: () => Promise.resolve(token), forgetToken: () => void (token = "new") });
});

/** An API over a server that answers as it is told. */
async function withServer(
  handler: Handler,
  work: (api: KubernetesApi) => Promise<void>,
  override: Partial<ConstructorParameters<typeof KubernetesApi>[1]> = {},
) {
  const server = await serveTls(pki, "kubernetes", handler);
  const api = new KubernetesApi(runtime, {
    baseUrl: server.url,
    caPem: pki.caPem,
    token: () => Promise.resolve(null),
    forgetToken: () => {},
    ...override,
  });
  try {
    await work(api);
  } finally {
    api.close();
    await server.close();
  }
}

const request = { method: "GET", path: "/api/v1", what: "look" } as const;

Deno.test("warnings are read from the header, however many and however quoted", () =>
  withServer(() => {
    const headers = new Headers();
    headers.append("warning", '299 - "v1 is deprecated, use v2"');
    headers.append("warning", '299 kube-apiserver "unknown field \\"spec.a\\", \\\\ kept"');
    return Response.json({}, { headers });
  }, async (api) => {
    assert.deepEqual((await api.request(request)).warnings, [
      "v1 is deprecated, use v2",
      'unknown field "spec.a", \\ kept',
    ]);
  }));

Deno.test("a busy server's Retry-After is passed on", () =>
  withServer(
    () => new Response("Too many requests", { status: 429, headers: { "retry-after": "3" } }),
    (api) => assert.rejects(api.request(request), { code: "rate_limited", retryAfterMs: 3000 }),
  ));

for (
  const [what, body] of Object.entries({
    "no JSON": "<html>",
    "no object": "[1]",
    "no UTF-8": new Uint8Array([0xff]),
    "nothing": "",
  })
) {
  Deno.test(`an answer that is ${what} is malformed`, () =>
    withServer(
      () => new Response(body),
      (api) =>
        assert.rejects(api.request(request), { code: "malformed_answer", message: /^look:/ }),
    ));
}

Deno.test("a server that is away is unavailable", () =>
  withCluster(async ({ cluster, kubernetes }) => {
    await kubernetes.server.stop();
    await assert.rejects(cluster.get(ref), { code: "unavailable" });
  }));

Deno.test("a server under another CA is not trusted", async () => {
  const { caPem } = await createPki();
  await withCluster(
    ({ cluster }) => assert.rejects(cluster.get(ref), { code: "tls_untrusted" }),
    { caPem },
  );
});

Deno.test("a server whose certificate has expired is not trusted", async () => {
  const now = Date.now();
  const { certPem, keyPem } = await pki.issue("kubernetes", {
    fromMs: now - 200_000,
    toMs: now - 100_000,
  });
  const { http } = runtime;
  const server = http.serveTls(
    { address: "127.0.0.1", port: 0, certPem, keyPem },
    () => Response.json({}),
  );
  try {
    await withCluster(
      ({ cluster }) => assert.rejects(cluster.get(ref), { code: "tls_untrusted" }),
      { baseUrl: `https://127.0.0.1:${server.port}` },
    );
  } finally {
    await server.close();
  }
});

Deno.test("readClusterFacts returns the UID of kube-system and the version", () =>
  withCluster(async ({ api, kubernetes }) => {
    const { uid, version } = await readClusterFacts(api);
    const namespace = kubernetes.store.get("v1", "Namespace", "", "kube-system")!;
    assert.equal(uid, uidOf(namespace));
    assert.match(version, /^v1\.\d+/);
  }));

Deno.test("readClusterFacts refuses answers without them", async () => {
  for (const broken of ["/version", "/api/v1/namespaces/kube-system"]) {
    await withServer(
      (request) =>
        new URL(request.url).pathname === broken
          ? Response.json({ metadata: {} })
          : Response.json({ metadata: { uid: "u" }, gitVersion: "v1.36.0" }),
      (api) => assert.rejects(readClusterFacts(api), { code: "malformed_answer" }),
    );
  }
});
