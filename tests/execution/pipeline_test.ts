import assert from "node:assert/strict";
import { comparable } from "../../src/core/diff.ts";
import type { KubeObject } from "../../src/core/kubernetes_object.ts";
import {
  applyAction,
  AUTO_POLICY,
  deployment,
  deploymentRef,
  type Ground,
  layGround,
  packageOf,
  send,
  Stand,
} from "../fakes/execution_stand.ts";

async function withStand(
  options: Parameters<typeof Stand.open>[1],
  work: (stand: Stand, ground: Ground) => Promise<void>,
): Promise<void> {
  const ground = await layGround();
  const stand = (await Stand.open(ground, options)).start();
  try {
    await work(stand, ground);
  } finally {
    await stand.kill();
    await ground.close();
  }
}

function live({ kubernetes }: Ground, name: string, kind = "Deployment"): KubeObject | null {
  return kubernetes.store.get(kind === "Deployment" ? "apps/v1" : "v1", kind, "shop", name);
}

function replicasOf(object: KubeObject | null): unknown {
  return (object?.spec as { replicas?: number } | undefined)?.replicas;
}

Deno.test("a package waits for approval, is applied and succeeds", () =>
  withStand({}, async (stand, ground) => {
    const bytes = packageOf({ actions: applyAction(deployment("web", "web:1")) });
    const { id, state } = await send(stand, ground, bytes);
    assert.equal(state, "accepted");
    const pending = await stand.until(id, "pending_approval");
    assert.equal(pending.plan?.entries[0]?.verb, "create");
    assert.equal(live(ground, "web"), null, "nothing is written before the approval");
    await stand.approvals.approve(id, pending.plan!.digest, stand.people.alice);
    const done = await stand.until(id, "succeeded");
    assert.equal(replicasOf(live(ground, "web")), 2);
    assert.equal(done.approvals[0]!.approver, "alice");
    const keys = (await stand.receipts.undelivered()).map((receipt) => receipt.key);
    assert.deepEqual(keys.map((key) => key.split(".").at(-1)), ["pending_approval", "succeeded"]);
  }));

Deno.test("auto mode asks nobody within its bounds and a person outside them", () =>
  withStand({ policy: AUTO_POLICY }, async (stand, ground) => {
    const low = await send(
      stand,
      ground,
      packageOf({ actions: applyAction(deployment("a", "a:1")) }),
    );
    await stand.until(low.id, "succeeded");
    const high = await send(
      stand,
      ground,
      packageOf({ actions: applyAction(deployment("b", "b:1")), risk: "high", stream: "other" }),
    );
    await stand.until(high.id, "pending_approval");
  }));

Deno.test("approve refuses another plan's digest and states that are not pending", () =>
  withStand({}, async (stand, ground) => {
    const { id } = await send(
      stand,
      ground,
      packageOf({ actions: applyAction(deployment("web", "web:1")) }),
    );
    const { plan } = await stand.until(id, "pending_approval");
    await assert.rejects(stand.approvals.approve(id, "sha256:other", stand.people.alice), {
      code: "approval_mismatch",
    });
    await stand.approvals.reject(id, stand.people.alice, "not today");
    await assert.rejects(stand.approvals.approve(id, plan!.digest, stand.people.alice), {
      code: "not_approvable",
    });
    assert.equal((await stand.book.get(id)).state, "cancelled");
  }));

Deno.test("a cluster that changed after the approval ends in plan_changed and is left alone", () =>
  withStand({}, async (stand, ground) => {
    await applied(stand, ground, "web", "web:1");
    const { id } = await send(
      stand,
      ground,
      packageOf({
        actions: `    - scale: { ref: ${deploymentRef("web")}, replicas: 5 }`,
      }),
    );
    const { plan } = await stand.until(id, "pending_approval");
    const now = live(ground, "web")!;
    ground.kubernetes.store.put(
      { ...now, spec: { ...(now.spec as object), replicas: 3 } } as KubeObject,
      "kubectl",
    );
    await stand.approvals.approve(id, plan!.digest, stand.people.alice);
    await stand.until(id, "plan_changed");
    assert.equal(replicasOf(live(ground, "web")), 3);
  }));

Deno.test("a rollout that never becomes healthy is rolled back to the exact earlier objects", () =>
  withStand({ policy: AUTO_POLICY }, async (stand, ground) => {
    await applied(stand, ground, "web", "web:1");
    const before = comparable(live(ground, "web")!);
    const { id } = await send(
      stand,
      ground,
      packageOf({
        actions: [
          applyAction(deployment("web", "web:broken", 4)),
          applyAction(deployment("new", "new:1")),
          `    - scale: { ref: ${deploymentRef("steady")}, replicas: 7 }`,
        ].slice(0, 2).join("\n"),
        timeout: "300ms",
      }),
    );
    const end = await stand.until(id, "rolled_back");
    assert.equal(end.code, "unhealthy");
    assert.match(end.reason, /every object is as it was/);
    assert.deepEqual(comparable(live(ground, "web")!), before);
    assert.equal(live(ground, "new"), null, "what the package created is gone");
  }));

Deno.test("onFailure stop leaves the objects and ends in failed", () =>
  withStand({ policy: AUTO_POLICY }, async (stand, ground) => {
    const { id } = await send(
      stand,
      ground,
      packageOf({
        actions: applyAction(deployment("web", "web:broken")),
        timeout: "200ms",
        onFailure: "stop",
      }),
    );
    assert.equal((await stand.until(id, "failed")).code, "unhealthy");
    assert.notEqual(live(ground, "web"), null);
  }));

Deno.test("a field that another manager owns is refused with the owner's name", () =>
  withStand({ policy: AUTO_POLICY }, async (stand, ground) => {
    ground.kubernetes.store.put(
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "c", namespace: "shop" },
        data: { a: "1" },
      } as KubeObject,
      "flux",
    );
    const { id } = await send(
      stand,
      ground,
      packageOf({
        actions: applyAction(
          "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c, namespace: shop }\ndata: { a: '2' }",
        ),
      }),
    );
    const end = await stand.until(id, "refused");
    assert.equal(end.code, "field_conflict");
    assert.match(end.reason, /flux/);
    assert.deepEqual((live(ground, "c", "ConfigMap")! as { data?: unknown }).data, { a: "1" });
  }));

Deno.test("scale, restart and delete do what they say and take it back when a later step fails", () =>
  withStand({ policy: AUTO_POLICY }, async (stand, ground) => {
    await applied(stand, ground, "one", "one:1");
    await applied(stand, ground, "two", "two:1");
    await applied(stand, ground, "three", "three:1");
    const actions = [
      `    - scale: { ref: ${deploymentRef("one")}, replicas: 6 }`,
      `    - restart: { ref: ${deploymentRef("two")} }`,
      `    - delete: { refs: [${deploymentRef("three")}] }`,
    ];
    const good = await send(stand, ground, packageOf({ actions: actions.slice(0, 2).join("\n") }));
    await stand.until(good.id, "succeeded");
    assert.equal(replicasOf(live(ground, "one")), 6);
    assert.match(JSON.stringify(live(ground, "two")), /neuralops.io\/restarted-by/);

    const before = ["one", "two", "three"].map((name) => comparable(live(ground, name)!));
    const bad = await send(
      stand,
      ground,
      packageOf({
        actions: [
          actions[0]!.replace("6", "9"),
          ...actions.slice(1),
          applyAction(deployment("never", "never:broken")),
        ].join("\n"),
        timeout: "300ms",
      }),
    );
    const end = await stand.until(bad.id, "rolled_back");
    assert.match(end.reason, /three: created again/);
    assert.deepEqual(
      ["one", "two", "three"].map((name) => comparable(live(ground, name)!)),
      before,
    );
    assert.equal(live(ground, "never"), null);
  }));

Deno.test("a refusal by admission or a missing namespace ends in refused before anything is written", () =>
  withStand({ policy: AUTO_POLICY }, async (stand, ground) => {
    ground.kubernetes.hooks.admission = (_request, object) =>
      JSON.stringify(object).includes('"name":"quota"')
        ? {
          code: 403,
          reason: "Forbidden",
          message: 'admission webhook "quota" denied the request',
        }
        : null;
    const actions = applyAction(
      "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: quota, namespace: shop }",
    );
    const { id } = await send(stand, ground, packageOf({ actions }));
    const end = await stand.until(id, "refused");
    assert.equal(end.code, "admission_denied");
    assert.match(end.reason, /quota/);
  }));

Deno.test("an API server that is away is waited for", () =>
  withStand({ policy: AUTO_POLICY }, async (stand, ground) => {
    await ground.kubernetes.server.stop();
    const { id } = await send(
      stand,
      ground,
      packageOf({ actions: applyAction(deployment("web", "web:1")) }),
    );
    ground.kubernetes.server.start();
    await stand.until(id, "succeeded");
  }));

Deno.test("a newer package of the stream supersedes one that waits for approval", () =>
  withStand({}, async (stand, ground) => {
    const older = await send(
      stand,
      ground,
      packageOf({ actions: applyAction(deployment("web", "web:1")) }),
    );
    await stand.until(older.id, "pending_approval");
    const newer = await send(
      stand,
      ground,
      packageOf({ actions: applyAction(deployment("web", "web:2")) }),
    );
    assert.equal((await stand.book.get(older.id)).state, "superseded");
    await stand.until(newer.id, "pending_approval");
  }));

Deno.test("a package that waits too long expires", () =>
  withStand({}, async (stand, ground) => {
    const bytes = packageOf({
      actions: applyAction(deployment("web", "web:1")),
      expiresAt: Date.now() + 400,
    });
    const { id } = await send(stand, ground, bytes);
    await stand.until(id, "expired");
  }));

async function applied(stand: Stand, ground: Ground, name: string, image: string): Promise<void> {
  const bytes = packageOf({
    actions: applyAction(deployment(name, image)),
    stream: `seed-${name}`,
  });
  const { id } = await send(stand, ground, bytes);
  const next = await stand.until(id, "pending_approval", "succeeded");
  if (next.state === "succeeded") return;
  await stand.approvals.approve(id, next.plan!.digest, stand.people.alice);
  await stand.until(id, "succeeded");
}
