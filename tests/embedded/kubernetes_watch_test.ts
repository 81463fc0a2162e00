import assert from "node:assert/strict";
import { configMap, MAPS, withKubernetes } from "./kubernetes_session.ts";

Deno.test("watch sends what is there, and a bookmark at its end, when asked to", () =>
  withKubernetes(async ({ call, watch }) => {
    await call("POST", MAPS, { body: configMap("a") });
    const initial = await watch(
      `${MAPS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan` +
        "&allowWatchBookmarks=true",
    );
    assert.equal((await initial.next())!.type, "ADDED");
    const end = await initial.next();
    assert.deepEqual(end!.object.metadata.annotations, { "k8s.io/initial-events-end": "true" });
    await initial.close();
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
