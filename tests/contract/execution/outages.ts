/** An API server that goes away at the wrong moment, and comes back. */
import assert from "node:assert/strict";
import { type ClusterCall, wrapCluster } from "../../fakes/cluster_wrap.ts";
import { poll } from "../contract.ts";
import { eventsOf } from "./events.ts";
import { apply, map, web } from "./packages.ts";
import { ENDS, type Site } from "./site.ts";
import type { ExecutionContract } from "./target.ts";

const NAMES = ["one", "two", "three"];
const LIMIT_MS = 10_000;
/** Calls that find nobody there, before the server comes back. */
const ATTEMPTS_AWAY = 3;

export const outages: ExecutionContract = {
  async "a server that goes away in mid-apply is waited for, and each object is written once"(
    site,
  ) {
    const events = await eventsOf(site);
    const agent = await site.agent(
      failingAt(site, ({ ref, isWrite }) => isWrite && ref.name === "two"),
    );
    const end = await site.carryOut(agent, { actions: maps(site) });
    assert.equal(end.state, "succeeded", end.reason);
    assert.deepEqual(await events.until(NAMES), NAMES.map((name) => `ADDED ${name}`));
  },

  async "an answer that is lost in mid-apply is asked for again, and each object is written once"(
    site,
  ) {
    const events = await eventsOf(site);
    let isLost = false;
    const agent = await site.agent({
      wrapCluster: (cluster) =>
        wrapCluster(cluster, (call, next) => {
          if (isLost || !call.isWrite || call.ref.name !== "two") return next();
          isLost = true;
          return loseAnswer(site, "two", next);
        }),
    });
    const end = await site.carryOut(agent, { actions: maps(site) });
    assert.equal(end.state, "succeeded", end.reason);
    assert.ok(isLost);
    assert.deepEqual(await events.until(NAMES), NAMES.map((name) => `ADDED ${name}`));
  },

  async "a server that goes away in the wait for health is waited for"(site) {
    const isLook = ({ verb, ref }: ClusterCall) => verb === "get" && ref.name === "web";
    const agent = await site.agent(
      failingAt(site, (call, calls) => isLook(call) && calls.some(({ isWrite }) => isWrite)),
    );
    const end = await site.carryOut(agent, { actions: apply(web(site.namespace, "1")) });
    assert.equal(end.state, "succeeded", end.reason);
  },

  async "a server that goes away in mid-rollback is waited for, and nothing is left half"(site) {
    const { namespace } = site;
    const agent = await site.agent(
      failingAt(
        site,
        ({ verb, ref, isWrite }) => isWrite && verb === "delete" && ref.name === "two",
      ),
    );
    const actions = `${maps(site)}\n${apply(web(namespace, "broken"))}`;
    const end = await site.carryOut(agent, { actions });
    assert.deepEqual([end.state, end.code], ["rolled_back", "unhealthy"], end.reason);
    for (const name of NAMES) {
      assert.equal((await site.call("GET", `${site.in("configmaps")}/${name}`)).status, 404);
    }
  },

  async "what cannot be planned while the server is away expires, with nothing written"(site) {
    site.proxy.refuse();
    const agent = await site.agent();
    const { id } = await site.send(agent, { actions: maps(site) });
    await poll(
      "the executions degrade",
      LIMIT_MS,
      () => Promise.resolve(agent.health.get("executions")?.state === "degraded"),
    );
    assert.equal((await agent.book.get(id)).state, "accepted");
    site.clock.skip(2 * 3_600_000);
    assert.equal((await agent.until(id, ...ENDS)).state, "expired");
    await site.proxy.heal();
  },
};

const maps = ({ namespace }: Site) =>
  apply(...NAMES.map((name) => map(namespace, name, { a: "1" })));

/**
 * The server goes away right before the first call of which `isFatal` holds, and is back some calls
 * later.
 */
function failingAt(
  { proxy }: Site,
  isFatal: (call: ClusterCall, before: readonly ClusterCall[]) => boolean,
) {
  const calls: ClusterCall[] = [];
  let attempts = 0;
  return {
    wrapCluster: (cluster: Parameters<typeof wrapCluster>[0]) =>
      wrapCluster(cluster, async (call, next) => {
        if (attempts === 0 && isFatal(call, calls)) {
          proxy.refuse();
          proxy.reset();
          attempts = 1;
        } else if (attempts > 0 && ++attempts > ATTEMPTS_AWAY) {
          await proxy.heal();
        }
        calls.push(call);
        return await next();
      }),
  };
}

/** The request arrives and is carried out; what comes back never does. */
async function loseAnswer<T>(site: Site, name: string, next: () => Promise<T>): Promise<T> {
  const { proxy } = site;
  proxy.answers.latencyMs = 3_600_000;
  const lost = next();
  lost.catch(() => {});
  const path = `${site.in("configmaps")}/${name}`;
  await poll(
    `${name} is written`,
    LIMIT_MS,
    async () => (await site.call("GET", path)).status === 200,
  );
  proxy.reset();
  proxy.answers.latencyMs = 0;
  return await lost;
}
