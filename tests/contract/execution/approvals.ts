/** What a person's word does, and how long it holds. */
import assert from "node:assert/strict";
import { apply, autoPolicy, manualPolicy, map, windowIn } from "./packages.ts";
import { assertEnds, ENDS, type Site } from "./site.ts";
import type { ExecutionContract } from "./target.ts";

const HOUR_MS = 3_600_000;

export const approvals: ExecutionContract = {
  async "two persons must say yes, and nothing is written before the second has"(site) {
    const policy = manualPolicy(site.namespace, "approval: { count: 2 }\n");
    const agent = await site.agent({ policy });
    const { id } = await site.send(agent, { actions: configure(site) });
    const { plan } = await agent.until(id, "pending_approval");
    const { alice, bob } = agent.people;
    await agent.approvals.approve(id, plan!.digest, alice);
    await assert.rejects(agent.approvals.approve(id, plan!.digest, alice), {
      code: "already_approved",
    });
    assert.equal(await isThere(site), false);
    await agent.approvals.approve(id, plan!.digest, bob);
    await assertEnds(agent, id, "succeeded");
    assert.equal(await isThere(site), true);
  },

  async "a person's no ends it, with nothing written"(site) {
    const agent = await site.agent({ policy: manualPolicy(site.namespace) });
    const { id } = await site.send(agent, { actions: configure(site) });
    await agent.until(id, "pending_approval");
    await agent.approvals.reject(id, agent.people.alice, "not today");
    assert.match((await agent.until(id, "cancelled")).reason, /rejected by alice .*: not today/);
    assert.equal(await isThere(site), false);
  },

  async "what nobody approves in time expires, with nothing written"(site) {
    const agent = await site.agent({ policy: manualPolicy(site.namespace) });
    const { id } = await site.send(agent, { actions: configure(site) });
    await agent.until(id, "pending_approval");
    site.clock.skip(2 * HOUR_MS);
    await assertEnds(agent, id, "expired");
    assert.equal(await isThere(site), false);
  },

  async "an approved change waits for its window, and is planned again when it opens"(site) {
    const agent = await site.agent({ policy: manualPolicy(site.namespace, "", windowIn(30)) });
    const { id } = await approved(site, agent);
    await untilItWaits(agent, id);
    assert.equal(await isThere(site), false);
    site.clock.skip(HOUR_MS / 2 + 60_000);
    await assertEnds(agent, id, "succeeded");
  },

  async "an approved change whose package expires before its window opens is not begun"(site) {
    const agent = await site.agent({ policy: manualPolicy(site.namespace, "", windowIn(30)) });
    const { id } = await approved(site, agent);
    await untilItWaits(agent, id);
    site.clock.skip(2 * HOUR_MS);
    await assertEnds(agent, id, "expired");
    assert.equal(await isThere(site), false);
  },

  async "a policy that has come to want a person's word gets it before anything is written"(site) {
    const { namespace } = site;
    const first = await site.agent({ policy: autoPolicy(namespace, windowIn(30)) });
    const { id } = await site.send(first, { actions: configure(site) });
    await first.until(id, "approved");
    await first.kill();
    const agent = await site.agent({ policy: manualPolicy(namespace) });
    const { plan, reason } = await agent.until(id, "pending_approval");
    assert.match(reason, /the policy wants a person's approval, and none counts now/);
    assert.equal(await isThere(site), false);
    await agent.approvals.approve(id, plan!.digest, agent.people.alice);
    await assertEnds(agent, id, "succeeded");
  },
};

type Agent = Awaited<ReturnType<Site["agent"]>>;

const configure = ({ namespace }: Site) => apply(map(namespace, "c", { a: "1" }));

async function isThere(site: Site): Promise<boolean> {
  return (await site.call("GET", `${site.in("configmaps")}/c`)).status === 200;
}

async function approved(site: Site, agent: Agent): Promise<{ id: string }> {
  const { id } = await site.send(agent, { actions: configure(site) });
  const { plan } = await agent.until(id, "pending_approval");
  await agent.approvals.approve(id, plan!.digest, agent.people.alice);
  return { id };
}

async function untilItWaits(agent: Agent, id: string): Promise<void> {
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = agent.book.onMove(resolve);
    const { state, reason } = await agent.book.get(id);
    if (/^waits for a window/.test(reason)) return stop();
    assert.ok(!ENDS.includes(state), reason);
    await promise;
    stop();
  }
}
