/** Fields that a type does not have: strict, with a warning, and in an apply; and preconditions. */
import assert from "node:assert/strict";
import { objectAt, objectsIn } from "../../../src/embedded/kubernetes/json.ts";
import { configMap, deployment, MERGE } from "./objects.ts";
import type { Contract } from "./target.ts";

export const validationContract: Contract = {
  async "strict validation refuses unknown fields, and otherwise they are dropped with a warning"(
    { call, in: path },
  ) {
    const deployments = path("apps/v1/deployments");
    const body = deployment("web", { replicas: 0, foo: 1 });
    const strict = await call("POST", `${deployments}?fieldValidation=Strict`, { body });
    assert.deepEqual([strict.status, strict.body["reason"]], [400, "BadRequest"]);
    assert.equal(
      strict.body.message,
      'Deployment in version "v1" cannot be handled as a Deployment: ' +
        'strict decoding error: unknown field "spec.foo"',
    );
    const lax = await call("POST", deployments, { body });
    assert.equal(lax.status, 201);
    assert.equal(lax.headers.get("warning"), '299 - "unknown field \\"spec.foo\\""');
    assert.equal(objectAt(lax.body, "spec")!["foo"], undefined);
    const ignored = await call("POST", `${deployments}?fieldValidation=Ignore&dryRun=All`, {
      body: { ...body, metadata: { name: "other" } },
    });
    assert.deepEqual([ignored.status, ignored.headers.get("warning")], [201, null]);
  },

  async "strict validation refuses what stands twice"({ call, in: path }) {
    const maps = path("configmaps");
    const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},' +
      '"data":{"a":"1","a":"2"}}';
    const strict = await call("POST", `${maps}?fieldValidation=Strict`, { body });
    assert.equal(strict.status, 400);
    assert.match(strict.body.message!, /strict decoding error: duplicate field "data\.a"/);
    const lax = await call("POST", maps, { body });
    assert.deepEqual([lax.status, lax.body["data"]], [201, { a: "2" }]);
    assert.match(lax.headers.get("warning") ?? "", /duplicate field/);
  },

  async "a strict merge patch refuses unknown fields"({ call, in: path }) {
    const deployments = path("apps/v1/deployments");
    await call("POST", deployments, { body: deployment("web", { replicas: 0 }) });
    const { status, body } = await call("PATCH", `${deployments}/web?fieldValidation=Strict`, {
      body: { spec: { foo: 1 } },
      type: MERGE,
    });
    assert.deepEqual([status, body["reason"]], [422, "Invalid"]);
    assert.match(body.message!, /strict decoding error: unknown field "spec\.foo"/);
  },

  async "apply refuses what it cannot type"({ apply, in: path, namespace }) {
    const deployments = path("apps/v1/deployments");
    const maps = path("configmaps");
    const unknown = await apply(`${deployments}/web`, "agent", deployment("web", { foo: 1 }));
    assert.deepEqual([unknown.status, unknown.body["reason"]], [500, undefined]);
    assert.equal(
      unknown.body.message,
      "failed to create typed patch object (/web; apps/v1, Kind=Deployment): .spec.foo: field not " +
        "declared in schema",
    );
    const named = deployment("web", { foo: 1 });
    named.metadata.namespace = namespace;
    const { body } = await apply(`${deployments}/web`, "agent", named);
    assert.ok(
      body.message!.startsWith(`failed to create typed patch object (${namespace}/web; apps/v1,`),
    );
    const twice = deployment("web");
    objectsIn(objectAt(twice, "spec", "template", "spec")!["containers"])[0]!["env"] = [
      { name: "A", value: "1" },
      { name: "A", value: "2" },
    ];
    const duplicate = await apply(`${deployments}/web`, "agent", twice);
    assert.equal(duplicate.status, 500);
    assert.match(duplicate.body.message!, /duplicate entries for key \[name="A"\]$/);
    const managed = configMap("c", {}, { managedFields: [{}] });
    assert.equal((await apply(`${maps}/c`, "agent", managed)).status, 400);
    assert.equal((await apply(`${maps}/c`, "", configMap("c"))).status, 422);
    assert.equal((await apply(`${maps}/other`, "agent", configMap("c"))).status, 400);
    const other = { ...configMap("c"), apiVersion: "v2" };
    assert.equal((await apply(`${maps}/c`, "agent", other)).status, 400);
  },

  async "a strict apply says the same of what it cannot type"({ apply, in: path }) {
    const { status, body } = await apply(
      `${path("apps/v1/deployments")}/web`,
      "agent",
      deployment("web", { foo: 1 }),
      "&fieldValidation=Strict",
    );
    assert.equal(status, 500);
    assert.match(body.message!, /\.spec\.foo: field not declared in schema$/);
  },

  async "a value of another type is refused"({ apply, call, in: path }) {
    const deployments = path("apps/v1/deployments");
    const wrong = deployment("web", { replicas: "many" });
    const created = await call("POST", deployments, { body: wrong });
    assert.deepEqual([created.status, created.body["reason"]], [400, "BadRequest"]);
    assert.match(created.body.message!, /^Deployment in version "v1" cannot be handled as a Dep/);
    const applied = await apply(`${deployments}/web`, "agent", wrong);
    assert.equal(applied.status, 500);
    assert.match(applied.body.message!, /: \.spec\.replicas: expected numeric .*, got string$/);
    const unquoted = { ...configMap("c"), data: { a: 1 } };
    const mapped = await apply(`${path("configmaps")}/c`, "agent", unquoted);
    assert.equal(mapped.status, 500);
    assert.match(mapped.body.message!, /: \.data\.a: expected string, got /);
  },

  async "apply with a stale resourceVersion is a conflict, with a foreign uid invalid"(
    { apply, in: path },
  ) {
    const maps = path("configmaps");
    const { body } = await apply(`${maps}/c`, "agent", configMap("c", { a: "1" }));
    const { resourceVersion, uid } = body.metadata;
    const next = await apply(`${maps}/c`, "agent", configMap("c", { a: "2" }));
    const stale = await apply(
      `${maps}/c`,
      "agent",
      configMap("c", { a: "3" }, { resourceVersion: resourceVersion! }),
    );
    assert.equal(stale.status, 409);
    assert.match(stale.body.message!, /the object has been modified/);
    const other = crypto.randomUUID();
    const foreign = await apply(`${maps}/c`, "agent", configMap("c", { a: "3" }, { uid: other }));
    assert.deepEqual([foreign.status, foreign.body.message?.split(": field")[0]], [
      422,
      `ConfigMap "c" is invalid: metadata.uid: Invalid value: "${other}"`,
    ]);
    assert.equal(objectsIn(foreign.body.details!["causes"])[0]!["field"], "metadata.uid");
    const theirs = configMap("c", { a: "3" }, { uid: other, resourceVersion: "1" });
    const refused = await apply(`${maps}/c`, "other", theirs);
    assert.match(refused.body.message!, /^Apply failed with 1 conflict/, "owners come first");
    const metadata = { resourceVersion: next.body.metadata.resourceVersion!, uid: uid! };
    const fresh = await apply(`${maps}/c`, "agent", configMap("c", { a: "3" }, metadata));
    assert.equal(fresh.status, 200);
    const missing = await apply(`${maps}/d`, "agent", configMap("d", {}, { uid: other }));
    assert.deepEqual([missing.status, missing.body.message], [
      409,
      'Operation cannot be fulfilled on configmaps "d": uid mismatch: the provided object ' +
      `specified uid ${other}, and no existing object was found`,
    ]);
  },
};
