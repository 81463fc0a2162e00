import assert from "node:assert/strict";
import { configMap, withKubernetes } from "./kubernetes_session.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";

Deno.test("watch tells every change after its resourceVersion", () =>
  withKubernetes(async ({ call, watch }) => {
    await call("POST", MAPS, { body: configMap("a") });
    const { body } = await call("GET", MAPS);
    const lines = await watch(
      `${MAPS}?watch=true&resourceVersion=${body.metadata.resourceVersion}`,
    );
    await call("POST", MAPS, { body: configMap("b") });
    await call("PUT", `${MAPS}/b`, { body: configMap("b", { x: "1" }) });
    await call("DELETE", `${MAPS}/b`);
    const seen = [await lines.next(), await lines.next(), await lines.next()];
    assert.deepEqual(seen.map((event) => [event!.type, event!.object.metadata.name]), [
      ["ADDED", "b"],
      ["MODIFIED", "b"],
      ["DELETED", "b"],
    ]);
    await lines.close();
  }));

Deno.test("watch without a resourceVersion begins with what is there", () =>
  withKubernetes(async ({ call, watch }) => {
    await call("POST", MAPS, { body: configMap("a") });
    const lines = await watch(`${MAPS}?watch=true`);
    assert.equal((await lines.next())!.type, "ADDED");
    await lines.close();
    const initial = await watch(
      `${MAPS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan` +
        "&allowWatchBookmarks=true",
    );
    assert.equal((await initial.next())!.type, "ADDED");
    const end = await initial.next();
    assert.deepEqual(end!.object.metadata.annotations, { "k8s.io/initial-events-end": "true" });
    await initial.close();
  }));

Deno.test("watch shows an object that leaves the selection as deleted", () =>
  withKubernetes(async ({ call, watch }) => {
    const labelled = (tier: string) => ({
      ...configMap("a"),
      metadata: { name: "a", labels: { tier } },
    });
    const lines = await watch(`${MAPS}?watch=true&resourceVersion=3&labelSelector=tier%3Dfront`);
    await call("POST", MAPS, { body: labelled("front") });
    await call("PUT", `${MAPS}/a`, { body: labelled("back") });
    assert.equal((await lines.next())!.type, "ADDED");
    assert.equal((await lines.next())!.type, "DELETED");
    await lines.close();
  }));

Deno.test("watch from a forgotten resourceVersion gets 410 as its only event", () =>
  withKubernetes(async ({ kubernetes, call, watch }) => {
    await call("POST", MAPS, { body: configMap("a") });
    kubernetes.store.compact();
    const lines = await watch(`${MAPS}?watch=true&resourceVersion=2`);
    const event = await lines.next();
    assert.equal(event!.type, "ERROR");
    assert.equal(event!.object["code"], 410);
    assert.equal(event!.object["reason"], "Expired");
    assert.equal(await lines.next(), null);
  }));

Deno.test("watch ends after timeoutSeconds with a bookmark of the latest revision", () =>
  withKubernetes(async ({ kubernetes, call, watch }) => {
    const lines = await watch(`${MAPS}?watch=true&allowWatchBookmarks=true&timeoutSeconds=1`);
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "s" } };
    const other = await call("POST", "/api/v1/namespaces/default/secrets", { body: secret });
    const bookmark = await lines.next();
    assert.equal(bookmark!.type, "BOOKMARK");
    assert.equal(bookmark!.object.metadata.resourceVersion, other.body.metadata.resourceVersion);
    assert.equal(await lines.next(), null);
    assert.equal(kubernetes.openWatches(), 0);
  }, { bookmarkMs: 60_000 }));

Deno.test("an open watch ends with the server", () =>
  withKubernetes(async ({ kubernetes, watch }) => {
    const lines = await watch(`${MAPS}?watch=true`);
    assert.equal(kubernetes.openWatches(), 1);
    await kubernetes.server.stop();
    await assert.rejects(lines.next());
  }));
