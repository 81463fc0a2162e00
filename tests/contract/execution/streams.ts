/** What a newer package of the stream does to an older one. */
import assert from "node:assert/strict";
import type { ExecutionState } from "../../../src/core/protocol.ts";
import { poll } from "../contract.ts";
import { apply, manualPolicy, map, web } from "./packages.ts";
import { assertEnds, ENDS, type Site } from "./site.ts";
import type { ExecutionContract } from "./target.ts";

const STREAM = { stream: "web" };
const LIMIT_MS = 15_000;

export const streams: ExecutionContract = {
  async "a newer package takes the place of one that could not be planned yet"(site) {
    site.proxy.refuse();
    const agent = await site.agent();
    await supersede(site, agent, "accepted");
    await site.proxy.heal();
    assert.equal(await dataOf(site, agent), "2");
  },

  async "a newer package takes the place of one that waits for a person"(site) {
    const agent = await site.agent({ policy: manualPolicy(site.namespace) });
    await supersede(site, agent, "pending_approval");
  },

  async "a newer package takes the place of one that is approved"(site) {
    const policy = manualPolicy(site.namespace);
    const planner = await site.agent({ policy });
    const { id } = await site.send(planner, { actions: configure(site, "1"), ...STREAM });
    await planner.until(id, "pending_approval");
    await planner.kill();
    const agent = await site.agent({ policy, isIdle: true });
    const { plan } = await agent.book.get(id);
    await agent.approvals.approve(id, plan!.digest, agent.people.alice);
    await site.send(agent, { actions: configure(site, "2"), ...STREAM });
    await assertEnds(agent, id, "superseded");
    const { status } = await site.call("GET", `${site.in("configmaps")}/c`);
    assert.equal(status, 404, "nothing was written");
  },

  async "a newer package ends the wait for a rollout that hangs, and mends it"(site) {
    const { namespace } = site;
    const agent = await site.agent();
    const patient = (tag: string) => apply(web(namespace, tag, 600));
    const good = await site.carryOut(agent, { actions: patient("1"), ...STREAM });
    assert.equal(good.state, "succeeded", good.reason);
    const bad = await site.send(agent, { actions: patient("broken"), ...STREAM, timeout: "1h" });
    // What is planned before it has been written would be another plan.
    await poll(
      "the older one is written",
      LIMIT_MS,
      async () => /web:broken/.test(await imageOf(site)),
    );
    const mend = await site.send(agent, { actions: patient("2"), ...STREAM });
    const older = await agent.until(bad.id, ...ENDS);
    assert.equal(older.state, "superseded", older.reason);
    assert.match(older.reason, new RegExp(`every object was applied; .* cut short by ${mend.id}`));
    await assertEnds(agent, mend.id, "succeeded");
    assert.equal(await imageOf(site), "registry.local/web:2");
  },
};

async function imageOf(site: Site): Promise<string> {
  const { body } = await site.call("GET", `${site.in("apps/v1/deployments")}/web`);
  return /"image":"([^"]+)"/.exec(JSON.stringify(body.spec))![1]!;
}

type Agent = Awaited<ReturnType<Site["agent"]>>;

const configure = ({ namespace }: Site, a: string) => apply(map(namespace, "c", { a }));

/** The older one is in this state when the newer one comes. */
async function supersede(site: Site, agent: Agent, state: ExecutionState): Promise<void> {
  const older = await site.send(agent, { actions: configure(site, "1"), ...STREAM });
  await agent.until(older.id, state);
  await site.send(agent, { actions: configure(site, "2"), ...STREAM });
  await assertEnds(agent, older.id, "superseded");
}

/** Once the newer one has succeeded. */
async function dataOf(site: Site, agent: Agent): Promise<unknown> {
  const [newest] = (await agent.book.list({ limit: 1 })).records;
  await assertEnds(agent, newest!.id, "succeeded");
  const { body } = await site.call("GET", `${site.in("configmaps")}/c`);
  return (body["data"] as { a: string }).a;
}
