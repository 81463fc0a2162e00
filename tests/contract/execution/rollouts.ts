/** Rollouts that do not come good, and the way back. */
import assert from "node:assert/strict";
import { type KubeObject, objectAt } from "../../../src/embedded/kubernetes/json.ts";
import { essence } from "../kubernetes/product.ts";
import { apply, map, web } from "./packages.ts";
import type { Site } from "./site.ts";
import type { ExecutionContract } from "./target.ts";

export const rollouts: ExecutionContract = {
  async "a rollout that never becomes healthy is taken back, and what it replaced serves on"(site) {
    const { namespace } = site;
    const agent = await site.agent();
    const both = (tag: string, a: string) => apply(map(namespace, "c", { a }), web(namespace, tag));
    const good = await site.carryOut(agent, { actions: both("1", "1") });
    assert.equal(good.state, "succeeded", good.reason);
    const before = await read(site, "configmaps/c");
    const bad = await site.carryOut(agent, { actions: both("broken", "2") });
    assert.deepEqual([bad.state, bad.code], ["rolled_back", "unhealthy"], bad.reason);
    assert.match(bad.reason, /Deployment .*\/web: .*progress.*; every object is as it was/i);
    assert.deepEqual(essence(await read(site, "configmaps/c")), essence(before));
    const { spec, status } = await read(site, "apps/v1/deployments/web");
    assert.match(JSON.stringify(spec), /"image":"registry\.local\/web:1"/);
    assert.equal((status as Record<string, unknown>)["availableReplicas"], 2);
  },

  async "a rollout that never becomes healthy is left as it is, where the package says so"(site) {
    const agent = await site.agent();
    const end = await site.carryOut(agent, {
      actions: apply(web(site.namespace, "broken")),
      onFailure: "stop",
    });
    assert.deepEqual([end.state, end.code], ["failed", "unhealthy"]);
    const { body } = await site.call("GET", `${site.in("apps/v1/deployments")}/web`);
    assert.match(JSON.stringify(body.spec), /"image":"registry\.local\/web:broken"/);
  },

  async "what another manager has taken meanwhile is left to them, and the way back says so"(site) {
    const { namespace } = site;
    const agent = await site.agent();
    const actions = (a: string, ...more: string[]) => apply(map(namespace, "c", { a }), ...more);
    await site.carryOut(agent, { actions: actions("1") });
    const bad = await site.send(agent, {
      actions: actions("2", map(namespace, "made", {}), web(namespace, "broken")),
    });
    const path = `${site.in("configmaps")}/c`;
    await site.until(path, (object) => objectAt(object, "data")?.["a"] === "2");
    const theirs = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "c" },
      data: { a: "3" },
    };
    await site.apply(path, "their-operator", theirs, "&force=true");
    const end = await agent.until(bad.id, "rolled_back", "rollback_failed");
    assert.deepEqual([end.state, end.code], ["rollback_failed", "rollback_failed"], end.reason);
    assert.match(
      end.reason,
      /could not be taken back: .*ConfigMap .*\/c: .*\.data\.a .*"their-operator"/,
    );
    assert.deepEqual((await read(site, "configmaps/c"))["data"], { a: "3" });
    for (const other of ["configmaps/made", "apps/v1/deployments/web"]) {
      assert.equal((await get(site, other)).status, 404, `${other} is taken back all the same`);
    }
  },
};

function get(site: Site, path: string) {
  const end = path.lastIndexOf("/");
  return site.call("GET", `${site.in(path.slice(0, end))}/${path.slice(end + 1)}`);
}

async function read(site: Site, path: string): Promise<KubeObject> {
  return (await get(site, path)).body;
}
