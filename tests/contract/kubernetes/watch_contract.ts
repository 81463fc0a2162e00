/** Lists and watches. */
import assert from "node:assert/strict";
import { type JsonObject, objectAt, objectsIn } from "../../../src/embedded/kubernetes/json.ts";
import { configMap } from "./objects.ts";
import type { Contract } from "./target.ts";

/** Selects them from what the cluster itself may put into a namespace. */
const OURS = "labelSelector=contract%3Dyes";
const ours = (name: string, labels: JsonObject = {}) =>
  configMap(name, {}, { labels: { contract: "yes", ...labels } });

export const watchContract: Contract = {
  async "watch tells every change after its resourceVersion"({ call, watch, in: path }) {
    const maps = path("configmaps");
    await call("POST", maps, { body: ours("a") });
    const { body } = await call("GET", maps);
    const lines = await watch(
      `${maps}?watch=true&${OURS}&resourceVersion=${body.metadata.resourceVersion}`,
    );
    await call("POST", maps, { body: ours("b") });
    await call("PUT", `${maps}/b`, { body: ours("b", { x: "1" }) });
    await call("DELETE", `${maps}/b`);
    const seen = [await lines.next(), await lines.next(), await lines.next()];
    assert.deepEqual(seen.map((event) => [event!.type, event!.object.metadata.name]), [
      ["ADDED", "b"],
      ["MODIFIED", "b"],
      ["DELETED", "b"],
    ]);
    const versions = seen.map((event) => Number(event!.object.metadata.resourceVersion));
    assert.deepEqual(versions, versions.toSorted((a, b) => a - b));
    assert.equal(new Set(versions).size, 3, "a deletion has a version of its own");
    await lines.close();

    const resumed = await watch(`${maps}?watch=true&${OURS}&resourceVersion=${versions[0]}`);
    assert.deepEqual([(await resumed.next())!.type, (await resumed.next())!.type], [
      "MODIFIED",
      "DELETED",
    ]);
    await resumed.close();
  },

  async "watch without a resourceVersion begins with what is there"({ call, watch, in: path }) {
    const maps = path("configmaps");
    await call("POST", maps, { body: ours("a") });
    const lines = await watch(`${maps}?watch=true&${OURS}`);
    assert.equal((await lines.next())!.type, "ADDED");
    await lines.close();
  },

  async "watch shows an object that leaves the selection as deleted"({ call, watch, in: path }) {
    const maps = path("configmaps");
    const { body } = await call("GET", maps);
    const since = `resourceVersion=${body.metadata.resourceVersion}`;
    const lines = await watch(`${maps}?watch=true&${since}&labelSelector=tier%3Dfront`);
    await call("POST", maps, { body: ours("a", { tier: "front" }) });
    await call("PUT", `${maps}/a`, { body: ours("a", { tier: "back" }) });
    assert.equal((await lines.next())!.type, "ADDED");
    const gone = await lines.next();
    assert.equal(gone!.type, "DELETED");
    assert.equal(gone!.object.metadata.labels!["tier"], "front", "as it was last selected");
    await lines.close();
  },

  async "watch from a forgotten resourceVersion gets 410 as its only event"(ground) {
    ground.target.forget();
    const lines = await ground.watch(`${ground.in("configmaps")}?watch=true&resourceVersion=1`);
    const event = await lines.next();
    assert.equal(event!.type, "ERROR");
    const { kind, code, reason, message } = event!.object;
    assert.deepEqual([kind, code, reason], ["Status", 410, "Expired"]);
    assert.match(String(message), /^too old resource version: 1/);
    assert.equal(await lines.next(), null);
  },

  async "watch with a resourceVersion that is none is refused"({ call, in: path }) {
    const { status, body } = await call(
      "GET",
      `${path("configmaps")}?watch=true&resourceVersion=soon`,
    );
    assert.equal(status, 500);
    assert.match(body.message!, /^resourceVersion: Invalid value: "soon"/);
  },

  async "watch ends after timeoutSeconds, and a bookmark says how far it was"(
    { call, watch, in: path },
  ) {
    const maps = path("configmaps");
    const { body } = await call("GET", maps);
    const from = Number(body.metadata.resourceVersion);
    const lines = await watch(
      `${maps}?watch=true&${OURS}&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion=${from}`,
    );
    let last: JsonObject | null = null;
    for (let event = await lines.next(); event; event = await lines.next()) {
      assert.equal(event.type, "BOOKMARK");
      assert.deepEqual([event.object.kind, event.object.apiVersion], ["ConfigMap", "v1"]);
      last = event.object;
    }
    if (last) assert.ok(Number(objectAt(last, "metadata")!["resourceVersion"]) >= from);
  },

  async "list selects by label and field, and pages"({ call, in: path }) {
    const maps = path("configmaps");
    for (const name of ["a", "b", "c", "d"]) {
      await call("POST", maps, { body: ours(name, { tier: name < "c" ? "front" : "back" }) });
    }
    const namesOf = (body: JsonObject) =>
      objectsIn(body["items"]).map((item) => objectAt(item, "metadata")!["name"]);
    const names = async (query: string) => namesOf((await call("GET", `${maps}?${query}`)).body);
    assert.deepEqual(await names("labelSelector=tier%3Dfront"), ["a", "b"]);
    assert.deepEqual(await names("labelSelector=tier%20in%20(back,side)"), ["c", "d"]);
    assert.deepEqual(await names("fieldSelector=metadata.name%3Dd"), ["d"]);
    const page = await call("GET", `${maps}?limit=3`);
    const first = page.body;
    assert.equal(first.kind, "ConfigMapList");
    assert.deepEqual(namesOf(first), ["a", "b", "c"]);
    assert.ok(Number(objectAt(first, "metadata")!["remainingItemCount"]) >= 1);
    const token = encodeURIComponent(String(objectAt(first, "metadata")!["continue"]));
    assert.ok((await names(`limit=3&continue=${token}`)).includes("d"));
    assert.equal((await call("GET", `${maps}?continue=nonsense`)).status, 400);
    const [item] = objectsIn(first["items"]);
    assert.deepEqual([item!["kind"], item!["apiVersion"]], [undefined, undefined]);
  },
};
