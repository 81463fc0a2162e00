/** Whole packages: what needs what, what is deleted and made again, and many objects at once. */
import assert from "node:assert/strict";
import { gadget, gadgetDefinition } from "../../fakes/gadgets.ts";
import { NAMESPACES } from "../kubernetes/target.ts";
import { poll } from "../contract.ts";
import { apply, groupOf, madeNamespace, map, namespaceManifest, web } from "./packages.ts";
import type { Site } from "./site.ts";
import type { ExecutionContract } from "./target.ts";

const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const LIMIT_MS = 20_000;
const MANY = 100;

export const wholes: ExecutionContract = {
  async "a namespace and a kind are made, and both used, by one package in any order"(site) {
    const { namespace, call } = site;
    const made = madeNamespace(namespace);
    const agent = await site.agent();
    try {
      const end = await site.carryOut(agent, {
        actions: apply(
          gadget(groupOf(namespace), made, "small"),
          map(made, "c", { a: "1" }),
          gadgetDefinition(groupOf(namespace)),
          namespaceManifest(made),
        ),
      });
      assert.equal(end.state, "succeeded", end.reason);
      const paths = [
        `/apis/${groupOf(namespace)}/v1/namespaces/${made}/gadgets/one`,
        `${NAMESPACES}/${made}/configmaps/c`,
      ];
      for (const path of paths) assert.equal((await call("GET", path)).status, 200, path);
    } finally {
      await removeMade(site);
    }
  },

  async "what its own new kind does not allow takes the whole package back"(site) {
    const { namespace, call } = site;
    const made = madeNamespace(namespace);
    const agent = await site.agent();
    try {
      const end = await site.carryOut(agent, {
        actions: apply(
          namespaceManifest(made),
          gadgetDefinition(groupOf(namespace)),
          gadget(groupOf(namespace), made, "enormous"),
        ),
      });
      assert.deepEqual([end.state, end.code], ["rolled_back", "admission_denied"], end.reason);
      assert.match(end.reason, /Gadget .*\/one: .*spec\.size.*; every object is as it was/);
      const paths = [`${DEFINITIONS}/gadgets.${groupOf(namespace)}`, `${NAMESPACES}/${made}`];
      for (const path of paths) await untilGone(site, path);
      assert.equal((await call("GET", paths[0]!)).status, 404);
    } finally {
      await removeMade(site);
    }
  },

  async "objects are deleted, and made again by the next package"(site) {
    const { namespace } = site;
    const agent = await site.agent();
    const actions = apply(map(namespace, "c", { a: "1" }), web(namespace, "1"));
    const first = await site.carryOut(agent, { actions });
    assert.equal(first.state, "succeeded", first.reason);
    const uids = await uidsOf(site);
    const refs = deletion(namespace, "v1/ConfigMap/c", "apps/v1/Deployment/web");
    const deleted = await site.carryOut(agent, { actions: refs });
    assert.equal(deleted.state, "succeeded", deleted.reason);
    assert.deepEqual(await uidsOf(site), [undefined, undefined]);
    const again = await site.carryOut(agent, { actions });
    assert.equal(again.state, "succeeded", again.reason);
    for (const [index, uid] of (await uidsOf(site)).entries()) {
      assert.ok(uid !== undefined && uid !== uids[index]);
    }
  },

  async "an object that was deleted is made again when the package is taken back"(site) {
    const { namespace, call } = site;
    const path = `${site.in("configmaps")}/doomed`;
    await call("POST", `${site.in("configmaps")}?fieldManager=their-operator`, {
      body: {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "doomed" },
        data: { keep: "me" },
      },
    });
    const agent = await site.agent();
    const end = await site.carryOut(agent, {
      actions: `${deletion(namespace, "v1/ConfigMap/doomed")}\n${apply(web(namespace, "broken"))}`,
    });
    assert.equal(end.state, "rolled_back", end.reason);
    assert.match(end.reason, /not exactly as it was: .*\/doomed: created again with a new uid/);
    const { body } = await call("GET", path);
    assert.deepEqual(body["data"], { keep: "me" });
    assert.deepEqual(body.metadata.managedFields!.map(({ manager }) => manager), [
      "their-operator",
    ]);
  },

  async "a hundred objects are changed by one package, and taken back by another that fails"(site) {
    const { namespace, call } = site;
    const names = Array.from({ length: MANY }, (_, index) => `c-${index}`);
    const agent = await site.agent();
    const maps = (a: string, of = names) => of.map((name) => map(namespace, name, { a }));
    const end = await site.carryOut(agent, { actions: apply(maps("1").join("\n---\n")) });
    assert.equal(end.state, "succeeded", end.reason);
    assert.equal(end.plan!.entries.length, MANY);
    const values = async () => {
      const { body } = await call("GET", site.in("configmaps"));
      const items = body["items"] as unknown as {
        metadata: { name: string };
        data: { a: string };
      }[];
      return items.filter(({ metadata: { name } }) => name.startsWith("c-"))
        .map(({ data }) => data.a);
    };
    assert.deepEqual(await values(), names.map(() => "1"));
    const bad = await site.carryOut(agent, {
      actions: apply([...maps("2", names.slice(1)), web(namespace, "broken")].join("\n---\n")),
    });
    assert.equal(bad.state, "rolled_back", bad.reason);
    assert.deepEqual(await values(), names.map(() => "1"));
  },
};

function deletion(namespace: string, ...objects: readonly string[]): string {
  const refs = objects.map((object) => {
    const [name, kind, ...version] = object.split("/").reverse();
    const apiVersion = version.reverse().join("/");
    return `{ apiVersion: ${apiVersion}, kind: ${kind}, namespace: ${namespace}, name: ${name} }`;
  });
  return `    - delete: { refs: [${refs.join(", ")}] }`;
}

async function uidsOf(site: Site): Promise<(string | undefined)[]> {
  const paths = [`${site.in("configmaps")}/c`, `${site.in("apps/v1/deployments")}/web`];
  const found = await Promise.all(paths.map((path) => site.call("GET", path)));
  return found.map(({ status, body }) => status === 200 ? body.metadata.uid : undefined);
}

/** Namespaces and definitions take their time to go. */
async function untilGone({ call }: Site, path: string): Promise<void> {
  await poll(`${path} is gone`, LIMIT_MS, async () => (await call("GET", path)).status === 404);
}

async function removeMade({ namespace, call }: Site): Promise<void> {
  await call("DELETE", `${DEFINITIONS}/gadgets.${groupOf(namespace)}`);
  await call("DELETE", `${NAMESPACES}/${madeNamespace(namespace)}`);
}
