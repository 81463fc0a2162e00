/** Who may come in, what is served, and how that is said. */
import assert from "node:assert/strict";
import { objectAt, objectsIn } from "../../../src/embedded/kubernetes/json.ts";
import { configMap } from "./objects.ts";
import { type Contract, NAMESPACES } from "./target.ts";

const REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

export const accessContract: Contract = {
  async "a token that is none is answered 401"({ call }) {
    const { status, body } = await call("GET", NAMESPACES, { as: { token: "wrong" } });
    assert.equal(status, 401);
    assert.deepEqual(body, {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: "Unauthorized",
      reason: "Unauthorized",
      code: 401,
    });
  },

  async "a request without a credential is nobody's, and nobody may do anything"({ call }) {
    const { status, body } = await call("GET", NAMESPACES, { as: {} });
    assert.equal(status, 403);
    assert.equal(
      body.message,
      'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API ' +
        'group "" at the cluster scope',
    );
    assert.equal((await call("GET", "/livez", { as: {} })).status, 200);
    assert.equal((await call("GET", "/version", { as: {} })).status, 200);
  },

  async "a user without rights is answered 403, with what is missing"(ground) {
    const { call, namespace, target: { stranger } } = ground;
    const maps = ground.in("configmaps");
    const where = `in API group "" in the namespace "${namespace}"`;
    const refused = async (method: string, path: string, verb: string, name = "") => {
      const { status, body } = await call(method, path, {
        as: stranger,
        ...(method === "POST" ? { body: configMap("c") } : {}),
      });
      assert.deepEqual([status, body["reason"]], [403, "Forbidden"]);
      const [, said] = /User "[^"]+" (cannot .*)$/.exec(body.message!)!;
      assert.equal(said, `cannot ${verb} resource "configmaps" ${where}`);
      assert.deepEqual(body.details, { ...(name ? { name } : {}), kind: "configmaps" });
    };
    await refused("GET", maps, "list");
    await refused("GET", `${maps}/c`, "get", "c");
    await refused("GET", `${maps}?watch=true`, "watch");
    const one = "fieldSelector=metadata.name%3Dc";
    await refused("GET", `${maps}?${one}`, "list", "c");
    await refused("GET", `${maps}?watch=true&${one}`, "watch", "c");
    await refused("POST", maps, "create");
    await refused("DELETE", `${maps}/c`, "delete", "c");
    const applied = await call("PATCH", `${maps}/c?fieldManager=x`, {
      as: stranger,
      type: "application/apply-patch+yaml",
      body: configMap("c"),
    });
    assert.equal(applied.status, 403);
    assert.match(applied.body.message!, /^configmaps "c" is forbidden: User .* cannot patch/);
  },

  async "access reviews tell beforehand"({ call, namespace, target: { stranger } }) {
    const review = async (verb: string, as: object) => {
      const { status, body } = await call("POST", REVIEWS, {
        ...as,
        body: {
          apiVersion: "authorization.k8s.io/v1",
          kind: "SelfSubjectAccessReview",
          spec: { resourceAttributes: { verb, resource: "secrets", namespace } },
        },
      });
      assert.equal(status, 201);
      return objectAt(body, "status")!["allowed"];
    };
    assert.equal(await review("get", {}), true);
    assert.equal(await review("get", { as: stranger }), false);
  },

  async "what is not served is not found"({ call, in: path }) {
    for (const nowhere of ["/apis/nowhere.example/v1", path("nothings"), "/api/v9"]) {
      const { status, body } = await call("GET", nowhere);
      assert.equal(status, 404, nowhere);
      // Outside of a group that is there the real server is a plain web server.
      if (body.kind) assert.equal(body["reason"], "NotFound");
    }
    const { body } = await call("GET", `${path("configmaps")}/none`);
    assert.deepEqual(body, {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: 'configmaps "none" not found',
      reason: "NotFound",
      details: { name: "none", kind: "configmaps" },
      code: 404,
    });
    const group = await call("GET", `${path("apps/v1/deployments")}/none`);
    assert.deepEqual([group.body.message, group.body.details], [
      'deployments.apps "none" not found',
      { name: "none", group: "apps", kind: "deployments" },
    ]);
  },

  async "the server describes what it serves"({ call }) {
    const system = await call("GET", `${NAMESPACES}/kube-system`);
    assert.match(system.body.metadata.uid ?? "", /^[0-9a-f-]{36}$/);
    const version = (await call("GET", "/version")).body;
    assert.equal(version["major"], "1");
    assert.match(String(version["gitVersion"]), /^v1\.\d+\.\d+/);
    assert.deepEqual((await call("GET", "/api")).body["versions"], ["v1"]);
    const groups = objectsIn((await call("GET", "/apis")).body["groups"]);
    const names = groups.map(({ name }) => name);
    assert.ok(names.includes("apps") && names.includes("coordination.k8s.io"));
    const apps = groups.find(({ name }) => name === "apps")!;
    assert.deepEqual(apps["preferredVersion"], { groupVersion: "apps/v1", version: "v1" });
    const list = (await call("GET", "/apis/apps/v1")).body;
    assert.deepEqual([list.kind, list.apiVersion, list["groupVersion"]], [
      "APIResourceList",
      "v1",
      "apps/v1",
    ]);
    const resources = objectsIn(list["resources"]);
    const main = resources.find(({ name }) => name === "deployments")!;
    assert.deepEqual([main["kind"], main["namespaced"], main["singularName"], main["shortNames"]], [
      "Deployment",
      true,
      "deployment",
      ["deploy"],
    ]);
    const scale = resources.find(({ name }) => name === "deployments/scale")!;
    assert.deepEqual([scale["kind"], scale["group"], scale["version"]], [
      "Scale",
      "autoscaling",
      "v1",
    ]);
    const core = objectsIn((await call("GET", "/api/v1")).body["resources"]);
    const namespaces = core.find(({ name }) => name === "namespaces")!;
    assert.equal(namespaces["namespaced"], false);
  },
};
