/** Delete: preconditions, dry runs, finalizers, dependents, and namespaces with all they hold. */
import assert from "node:assert/strict";
import { objectAt } from "../../../src/embedded/kubernetes/json.ts";
import { configMap, MERGE } from "./objects.ts";
import { type Contract, NAMESPACES } from "./target.ts";

export const deletionContract: Contract = {
  async "delete honours its uid precondition and dry runs"({ call, in: path }) {
    const maps = path("configmaps");
    const { body } = await call("POST", maps, { body: configMap("c") });
    const { uid } = body.metadata;
    const other = crypto.randomUUID();
    const wrong = await call("DELETE", `${maps}/c`, { body: { preconditions: { uid: other } } });
    assert.equal(wrong.status, 409);
    assert.equal(
      wrong.body.message,
      `Operation cannot be fulfilled on ConfigMap "c": the UID in the precondition (${other}) does ` +
        `not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
    assert.equal((await call("DELETE", `${maps}/c?dryRun=All`)).status, 200);
    assert.equal((await call("GET", `${maps}/c`)).status, 200);
    const gone = await call("DELETE", `${maps}/c`, {
      body: {
        apiVersion: "v1",
        kind: "DeleteOptions",
        preconditions: { uid },
        propagationPolicy: "Background",
      },
    });
    assert.deepEqual(gone.body, {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Success",
      details: { name: "c", kind: "configmaps", uid },
    });
    const again = await call("DELETE", `${maps}/c`);
    assert.deepEqual([again.status, again.body.message], [404, 'configmaps "c" not found']);
  },

  async "a delete with a body looks at no option in the query"({ call, in: path }) {
    const maps = path("configmaps");
    for (const name of ["a", "b"]) await call("POST", maps, { body: configMap(name) });
    const options = { apiVersion: "v1", kind: "DeleteOptions" };
    await call("DELETE", `${maps}/a?dryRun=All`, { body: options });
    assert.equal((await call("GET", `${maps}/a`)).status, 404, "dryRun in the query was heeded");
    const dry = await call("DELETE", `${maps}/b`, { body: { ...options, dryRun: ["All"] } });
    assert.deepEqual([dry.status, dry.body["status"]], [200, "Success"]);
    assert.equal((await call("GET", `${maps}/b`)).status, 200);
  },

  async "finalizers hold what was deleted until the last is taken away"({ call, apply, in: path }) {
    const maps = path("configmaps");
    const held = configMap("c", { a: "1" }, { finalizers: ["example.com/wait"] });
    await call("POST", maps, { body: held });
    const marked = await call("DELETE", `${maps}/c`);
    assert.equal(marked.status, 200);
    assert.equal(marked.body.kind, "ConfigMap");
    assert.match(marked.body.metadata.deletionTimestamp ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(marked.body.metadata["deletionGracePeriodSeconds"], 0);
    const more = await call("PATCH", `${maps}/c`, {
      body: { metadata: { finalizers: ["example.com/wait", "example.com/more"] } },
      type: MERGE,
    });
    assert.equal(more.status, 422, "no new finalizers while it goes");
    const changed = await apply(`${maps}/c`, "agent", configMap("c", { b: "1" }));
    assert.equal(changed.status, 200, "other fields may still change");
    assert.ok(changed.body.metadata.deletionTimestamp);
    const freed = await call("PATCH", `${maps}/c`, {
      body: { metadata: { finalizers: null } },
      type: MERGE,
    });
    assert.equal(freed.status, 200);
    assert.equal((await call("GET", `${maps}/c`)).status, 404);
  },

  async "delete takes dependents along, or leaves them as orphans"(ground) {
    const { call, until, untilGone } = ground;
    const maps = ground.in("configmaps");
    for (const policy of ["Background", "Orphan"]) {
      const { uid } = (await call("POST", maps, { body: configMap("owner") })).body.metadata;
      const name = policy.toLowerCase();
      const owned = [{ apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: uid! }];
      await call("POST", maps, { body: configMap(name, {}, { ownerReferences: owned }) });
      await call("DELETE", `${maps}/owner`, { body: { propagationPolicy: policy } });
      if (policy === "Background") await untilGone(`${maps}/${name}`);
      else await until(`${maps}/${name}`, ({ metadata }) => !metadata.ownerReferences?.length);
      await untilGone(`${maps}/owner`);
    }
  },

  async "a deleted namespace takes no new objects and waits for what finalizers hold"(ground) {
    const { call, untilGone } = ground;
    const name = `${ground.namespace}-b`;
    const maps = `${NAMESPACES}/${name}/configmaps`;
    const body = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
    await call("POST", NAMESPACES, { body });
    const held = configMap("held", {}, { finalizers: ["example.com/wait"] });
    await call("POST", maps, { body: held });
    await call("POST", maps, { body: configMap("c") });
    const { body: marked } = await call("DELETE", `${NAMESPACES}/${name}`);
    assert.equal(objectAt(marked, "status")!["phase"], "Terminating");
    assert.ok(marked.metadata.deletionTimestamp);
    const late = await call("POST", maps, { body: configMap("d") });
    assert.deepEqual([late.status, late.body.message], [
      403,
      `configmaps "d" is forbidden: unable to create new content in namespace ${name} because ` +
      "it is being terminated",
    ]);
    assert.deepEqual(late.body.details!["causes"], [{
      reason: "NamespaceTerminating",
      message: `namespace ${name} is being terminated`,
      field: "metadata.namespace",
    }]);
    await untilGone(`${maps}/c`);
    assert.equal((await call("GET", `${NAMESPACES}/${name}`)).status, 200, "held by a finalizer");
    await call("PATCH", `${maps}/held`, { body: { metadata: { finalizers: null } }, type: MERGE });
  },

  async "a namespace without held objects goes whole"(ground) {
    const { call, untilGone } = ground;
    const name = `${ground.namespace}-b`;
    await call("POST", NAMESPACES, {
      body: { apiVersion: "v1", kind: "Namespace", metadata: { name } },
    });
    await call("POST", `${NAMESPACES}/${name}/configmaps`, { body: configMap("c") });
    await call("DELETE", `${NAMESPACES}/${name}`);
    await untilGone(`${NAMESPACES}/${name}`);
    assert.equal((await call("GET", `${NAMESPACES}/${name}/configmaps/c`)).status, 404);
  },

  async "the namespaces of the system cannot be deleted"({ call }) {
    const { status, body } = await call("DELETE", `${NAMESPACES}/kube-system?dryRun=All`);
    assert.deepEqual([status, body.message], [
      403,
      'namespaces "kube-system" is forbidden: this namespace may not be deleted',
    ]);
  },
};
