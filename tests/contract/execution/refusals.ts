/** What the server refuses, who is named, and what is there afterwards. */
import assert from "node:assert/strict";
import { poll } from "../contract.ts";
import { apply, manualPolicy, map, secret } from "./packages.ts";
import type { ExecutionContract } from "./target.ts";
import { assertEnds, ENDS } from "./site.ts";

const LIMIT_MS = 15_000;

export const refusals: ExecutionContract = {
  async "a field of another manager is refused with its owner's name, and taken once it is given up"(
    site,
  ) {
    const { namespace } = site;
    const path = `${site.in("configmaps")}/c`;
    const theirs = (data: object) =>
      site.apply(path, "their-operator", {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "c", namespace },
        data,
      });
    await theirs({ a: "theirs", b: "theirs" });
    const agent = await site.agent();
    const { id, bytes } = await site.send(agent, {
      actions: apply(map(namespace, "c", { a: "ours" })),
    });
    const refused = await agent.until(id, ...ENDS);
    assert.deepEqual([refused.state, refused.code], ["refused", "field_conflict"]);
    assert.match(refused.reason, /ConfigMap .*\/c: owned by others: \.data\.a .*"their-operator"/);
    assert.deepEqual((await site.call("GET", path)).body["data"], { a: "theirs", b: "theirs" });
    await theirs({ b: "theirs" });
    await site.send(agent, bytes);
    await assertEnds(agent, id, "succeeded");
    assert.deepEqual((await site.call("GET", path)).body["data"], { a: "ours", b: "theirs" });
  },

  async "a quota that is used up refuses the plan, and the package may come again"(site) {
    await using _quota = await site.target.limitSecrets(site, 0);
    const agent = await site.agent();
    const parts = { actions: apply(secret(site.namespace, "one")) };
    const { id } = await site.send(agent, parts);
    const { state, code, reason } = await agent.until(id, ...ENDS);
    assert.deepEqual([state, code], ["refused", "admission_denied"]);
    assert.match(
      reason,
      /secrets "one" is forbidden: exceeded quota: small, requested: count\/secrets=1/,
    );
  },

  async "a quota that only the whole package exceeds takes the package back"(site) {
    const { namespace } = site;
    await using _quota = await site.target.limitSecrets(site, 1);
    const agent = await site.agent();
    const actions = apply(
      map(namespace, "c", {}),
      secret(namespace, "one"),
      secret(namespace, "two"),
    );
    const { state, code, reason } = await site.carryOut(agent, { actions });
    assert.deepEqual([state, code], ["rolled_back", "admission_denied"]);
    assert.match(
      reason,
      /"two" is forbidden: exceeded quota: small, .*; every object is as it was/,
    );
    for (const path of ["configmaps/c", "secrets/one", "secrets/two"]) {
      const [resource, name] = path.split("/");
      assert.equal((await site.call("GET", `${site.in(resource!)}/${name}`)).status, 404, path);
    }
  },

  async "a webhook that refuses is quoted"(site) {
    await using _webhook = await site.target.addWebhook(site);
    const agent = await site.agent();
    const odd = apply(map(site.namespace, "c", { odd: "1" }));
    const { state, code, reason } = await site.carryOut(agent, { actions: odd });
    assert.deepEqual([state, code], ["refused", "admission_denied"]);
    assert.match(
      reason,
      /admission webhook "odd\.example\.org" denied the request: odd keys are not for us/,
    );
    const even = apply(map(site.namespace, "c", { even: "1" }));
    assert.equal((await site.carryOut(agent, { actions: even })).state, "succeeded");
  },

  async "a webhook that refuses what is approved already refuses it before anything is written"(
    site,
  ) {
    const { namespace } = site;
    const agent = await site.agent({ policy: manualPolicy(namespace) });
    const actions = apply(map(namespace, "first", {}), map(namespace, "c", { odd: "1" }));
    const { id } = await site.send(agent, { actions });
    const { plan } = await agent.until(id, "pending_approval");
    await using _webhook = await site.target.addWebhook(site);
    await agent.approvals.approve(id, plan!.digest, agent.people.alice);
    const { state, code } = await agent.until(id, ...ENDS);
    assert.deepEqual([state, code], ["refused", "admission_denied"]);
    assert.equal((await site.call("GET", `${site.in("configmaps")}/first`)).status, 404);
  },

  async "a webhook that is away is waited for"(site) {
    const webhook = await site.target.addWebhook(site);
    await webhook.answer("away");
    const agent = await site.agent();
    const { id } = await site.send(agent, {
      actions: apply(map(site.namespace, "c", { odd: "1" })),
    });
    await poll(
      "the executions degrade",
      LIMIT_MS,
      () => Promise.resolve(agent.health.get("executions")?.state === "degraded"),
    );
    assert.equal((await agent.book.get(id)).state, "accepted");
    await webhook[Symbol.asyncDispose]();
    await assertEnds(agent, id, "succeeded");
  },
};
