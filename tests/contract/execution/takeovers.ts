/** A leader that is killed with a change half done, and the next one, with a disk and a key of its own. */
import assert from "node:assert/strict";
import { systemFiles } from "../../../src/runtime_deno/files.ts";
import { Crashed, CrashSwitch } from "../../fakes/crash_switch.ts";
import { eventsOf } from "./events.ts";
import { apply, map, web } from "./packages.ts";
import { ENDS, type Site } from "./site.ts";
import type { ExecutionContract } from "./target.ts";

const NAMES = ["one", "two", "three"];

export const takeovers: ExecutionContract = {
  async "a leader killed in mid-apply leaves a change that the next one finishes, each write done once"(
    site,
  ) {
    const events = await eventsOf(site);
    const id = await leaveAt(site, "apply", 2, maps(site));
    const next = await openNext(site);
    const end = await next.until(id, ...ENDS);
    assert.equal(end.state, "succeeded", end.reason);
    assert.deepEqual(await events.until(NAMES), NAMES.map((name) => `ADDED ${name}`));
  },

  async "a leader killed in mid-apply leaves a change that the next one takes back, if it hangs"(
    site,
  ) {
    const actions = `${maps(site)}\n${apply(web(site.namespace, "broken"))}`;
    const id = await leaveAt(site, "apply", 2, actions);
    await assertTakenBack(site, id);
  },

  async "a leader killed in mid-rollback leaves one that the next one ends"(site) {
    const actions = `${maps(site)}\n${apply(web(site.namespace, "broken"))}`;
    const id = await leaveAt(site, "delete", 2, actions);
    await assertTakenBack(site, id);
  },
};

const maps = ({ namespace }: Site) =>
  apply(...NAMES.map((name) => map(namespace, name, { a: "1" })));

/** Killed right after the server has done this write for the `count`th time; the answer is not heard. */
async function leaveAt(site: Site, verb: string, count: number, actions: string): Promise<string> {
  const { namespace, target } = site;
  await target.prepareJournal(namespace);
  const crash = new CrashSwitch(
    (steps) => steps.at(-1) === verb && steps.filter((step) => step === verb).length === count,
    "after",
  );
  const leader = await site.agent({
    directory: `${site.directory}/leader`,
    shared: { namespace, identity: "leader_1", wrapApi: (api) => crash.journalApi(api) },
    files: crash.files(systemFiles),
    wrapCluster: (cluster) => crash.cluster(cluster),
  });
  const { id } = await site.send(leader, { actions });
  await assert.rejects(crash.survive(leader.until(id, ...ENDS)), Crashed);
  await crash.settled();
  await leader.kill();
  return id;
}

function openNext(site: Site) {
  const { namespace, directory } = site;
  const shared = { namespace, identity: "next_1" };
  return site.agent({ directory: `${directory}/next`, shared });
}

async function assertTakenBack(site: Site, id: string): Promise<void> {
  const next = await openNext(site);
  const end = await next.until(id, ...ENDS);
  assert.deepEqual([end.state, end.code], ["rolled_back", "unhealthy"], end.reason);
  const paths = NAMES.map((name) => `${site.in("configmaps")}/${name}`);
  for (const path of [...paths, `${site.in("apps/v1/deployments")}/web`]) {
    assert.equal((await site.call("GET", path)).status, 404, path);
  }
}
