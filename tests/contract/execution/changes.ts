/** What somebody else changes between the plan and the write. */
import assert from "node:assert/strict";
import { wrapCluster } from "../../fakes/cluster_wrap.ts";
import { MERGE } from "../kubernetes/objects.ts";
import { apply, manualPolicy, map } from "./packages.ts";
import { ENDS, type Site } from "./site.ts";
import type { ExecutionContract } from "./target.ts";

export const changes: ExecutionContract = {
  async "what changes between approval and apply ends in plan_changed, with nothing written"(
    site,
  ) {
    const { end } = await approvedThen(site, async () => {
      await site.call("DELETE", pathOf(site));
      await site.call("POST", site.in("configmaps"), { body: object(site, { a: "anew" }) });
    });
    assert.deepEqual([end.state, end.code], ["plan_changed", "plan_changed"], end.reason);
    assert.deepEqual(await dataOf(site), { a: "anew" });
  },

  async "what changes where the plan does not look does not matter"(site) {
    const { end } = await approvedThen(site, () => change(site, { other: "theirs" }));
    assert.equal(end.state, "succeeded", end.reason);
    assert.deepEqual(await dataOf(site), { a: "theirs", b: "ours", other: "theirs" });
  },

  async "a field that another manager takes after the approval is left to them"(site) {
    const { end } = await approvedThen(site, async () => {
      await site.apply(pathOf(site), "their-operator", object(site, { b: "taken" }));
    });
    assert.deepEqual([end.state, end.code], ["refused", "field_conflict"]);
    assert.match(end.reason, /\.data\.b .*"their-operator"/);
    assert.deepEqual(await dataOf(site), { a: "theirs", b: "taken" });
  },

  async "what changes between the second plan and the write ends in plan_changed"(site) {
    await site.call("POST", site.in("configmaps"), { body: object(site, { a: "theirs" }) });
    let isFirst = true;
    const agent = await site.agent({
      wrapCluster: (cluster) =>
        wrapCluster(cluster, async ({ isWrite }, next) => {
          if (isWrite && isFirst) {
            isFirst = false;
            await change(site, { other: "theirs" });
          }
          return await next();
        }),
    });
    const end = await site.carryOut(agent, { actions: ours(site) });
    assert.deepEqual([end.state, end.code], ["plan_changed", "plan_changed"]);
    assert.deepEqual(await dataOf(site), { a: "theirs", other: "theirs" });
  },

  async "what changes between the plan and a later write takes the earlier ones back"(site) {
    const { namespace } = site;
    await site.call("POST", site.in("configmaps"), { body: object(site, { a: "theirs" }) });
    let writes = 0;
    const agent = await site.agent({
      wrapCluster: (cluster) =>
        wrapCluster(cluster, async ({ isWrite }, next) => {
          if (isWrite && ++writes === 2) await change(site, { other: "theirs" });
          return await next();
        }),
    });
    const actions = `${apply(map(namespace, "first", {}))}\n${ours(site)}`;
    const end = await site.carryOut(agent, { actions });
    assert.deepEqual([end.state, end.code], ["rolled_back", "plan_changed"], end.reason);
    assert.deepEqual(await dataOf(site), { a: "theirs", other: "theirs" });
    assert.equal((await site.call("GET", `${site.in("configmaps")}/first`)).status, 404);
  },
};

const pathOf = (site: Site) => `${site.in("configmaps")}/c`;
const ours = ({ namespace }: Site) => apply(map(namespace, "c", { b: "ours" }));

function object({ namespace }: Site, data: Record<string, string>) {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", namespace }, data };
}

async function change(site: Site, data: Record<string, string>): Promise<void> {
  const path = `${pathOf(site)}?fieldManager=kubectl-edit`;
  const { status } = await site.call("PATCH", path, { body: { data }, type: MERGE });
  assert.equal(status, 200);
}

async function dataOf(site: Site): Promise<unknown> {
  return (await site.call("GET", pathOf(site))).body["data"];
}

/** Approved while nothing is carried out, so that the change comes for certain before. */
async function approvedThen(site: Site, meanwhile: () => Promise<void>) {
  await site.call("POST", site.in("configmaps"), { body: object(site, { a: "theirs" }) });
  const policy = manualPolicy(site.namespace);
  const planner = await site.agent({ policy });
  const { id } = await site.send(planner, { actions: ours(site) });
  await planner.until(id, "pending_approval");
  await planner.kill();
  const agent = await site.agent({ policy, isIdle: true });
  const { plan } = await agent.book.get(id);
  await agent.approvals.approve(id, plan!.digest, agent.people.alice);
  await meanwhile();
  return { end: await agent.start().until(id, ...ENDS) };
}
