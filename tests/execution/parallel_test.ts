/** Which packages go side by side, which wait, and which make another one's wait end. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { KubeObject } from "../../src/core/kubernetes_object.ts";
import { type ExecutionState } from "../../src/core/protocol.ts";
import { TransientError } from "../../src/errors.ts";
import { wrapCluster } from "../fakes/cluster_wrap.ts";
import {
  addNamespace,
  applyAction,
  AUTO_POLICY,
  configMap,
  deployment,
  type Ground,
  layGround,
  MANUAL_POLICY,
  packageOf,
  readAudit,
  readReceipts,
  send,
  Stand,
  type StandOptions,
} from "../fakes/execution_stand.ts";

const ENDS: readonly ExecutionState[] = ["succeeded", "rolled_back", "superseded", "plan_changed"];

async function withStand(
  options: StandOptions,
  work: (stand: Stand, ground: Ground) => Promise<void>,
  times: Parameters<typeof layGround>[0] = { rolloutMs: 1 },
): Promise<void> {
  const ground = await layGround(times);
  const stand = (await Stand.open(ground, { policy: AUTO_POLICY, ...options })).start();
  try {
    await work(stand, ground);
  } finally {
    await stand.kill();
    await ground.close();
  }
}

const image = ({ kubernetes }: Ground, name: string) =>
  JSON.stringify(kubernetes.store.get("apps/v1", "Deployment", "shop", name) ?? {})
    .match(/"image":"([^"]*)"/)?.[1];

Deno.test("a newer package of the stream ends the wait for a rollout that never ends, and mends it", () =>
  withStand({}, async (stand, ground) => {
    const bad = packageOf({
      actions: applyAction(deployment("web", "web:broken")),
      stream: "web",
      timeout: "1h",
    });
    const { id } = await send(stand, ground, bad);
    await stand.until(id, "applying");
    const good = await send(
      stand,
      ground,
      packageOf({ actions: applyAction(deployment("web", "web:2")), stream: "web" }),
    );
    const older = await stand.until(id, ...ENDS);
    assert.equal(older.state, "superseded");
    assert.match(older.reason, new RegExp(`every object was applied; .* cut short by ${good.id}`));
    await stand.until(good.id, "succeeded");
    assert.equal(image(ground, "web"), "web:2");
    const states = (await readReceipts(stand)).map(({ state }) => state);
    assert.deepEqual(states.sort(), ["succeeded", "superseded"]);
    const audited = (await readAudit(stand.directory)).filter(({ subject }) => subject === id);
    assert.deepEqual(audited.map(({ type }) => type), [
      "execution.accepted",
      "execution.approved",
      "execution.applying",
      "execution.superseded",
    ]);
  }));

Deno.test("a newer package that no person has approved yet ends no wait", () =>
  withStand({ policy: MANUAL_POLICY }, async (stand, ground) => {
    const approve = async (id: string) => {
      const { plan } = await stand.until(id, "pending_approval");
      await stand.approvals.approve(id, plan!.digest, stand.people.alice);
    };
    const actions = (tag: string) => applyAction(deployment("web", `web:${tag}`));
    const bad = packageOf({ actions: actions("broken"), stream: "web", timeout: "1h" });
    const older = await send(stand, ground, bad);
    await approve(older.id);
    await stand.until(older.id, "applying");
    const newer = await send(stand, ground, packageOf({ actions: actions("2"), stream: "web" }));
    await stand.until(newer.id, "pending_approval");
    assert.equal((await stand.book.get(older.id)).state, "applying");
    await approve(newer.id);
    await stand.until(older.id, "superseded");
    await stand.until(newer.id, ...ENDS);
  }));

Deno.test("packages of other objects go on beside one that waits, those of the same wait for it", () =>
  withStand({}, async (stand, ground) => {
    const web = applyAction(deployment("web", "web:1"));
    const slow = await send(stand, ground, packageOf({ actions: web, stream: "a" }));
    await stand.until(slow.id, "applying");
    const same = await send(stand, ground, packageOf({ actions: web, stream: "b" }));
    const other = await send(
      stand,
      ground,
      packageOf({ actions: applyAction(configMap("c", {})), stream: "c" }),
    );
    await stand.until(other.id, "succeeded");
    await stand.until(same.id, "approved");
    assert.equal((await stand.book.get(slow.id)).state, "applying");
  }, { rolloutMs: 60_000 }));

Deno.test("a package that was not planned in vain is planned once and written once", () => {
  const calls: string[] = [];
  return withStand({
    wrapCluster: (cluster) =>
      wrapCluster(cluster, ({ verb, isWrite }, next) => {
        calls.push(isWrite ? verb : verb === "get" ? "get" : "dry-run");
        return next();
      }),
  }, async (stand, ground) => {
    const { id } = await send(
      stand,
      ground,
      packageOf({ actions: applyAction(configMap("c", { a: "1" })) }),
    );
    await stand.until(id, "succeeded");
    assert.deepEqual(calls, ["dry-run", "get", "get", "apply", "get"]);
  });
});

Deno.test("what changes between plan and write ends in plan_changed, with nothing written", () => {
  let meddle = () => {};
  return withStand({
    wrapCluster: (cluster) =>
      wrapCluster(cluster, ({ verb, isWrite }, next) => {
        if (verb === "apply" && isWrite) meddle();
        return next();
      }),
  }, async (stand, ground) => {
    const put = (data: Record<string, string>) =>
      ground.kubernetes.store.put(
        {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: "c", namespace: "shop" },
          data,
        } as unknown as KubeObject,
        "kubectl",
      );
    put({ a: "1" });
    meddle = () => put({ a: "2" });
    const actions = applyAction(configMap("c", { b: "1" }));
    const { id } = await send(stand, ground, packageOf({ actions }));
    assert.equal((await stand.until(id, ...ENDS)).state, "plan_changed");
    const live = ground.kubernetes.store.get("v1", "ConfigMap", "shop", "c");
    assert.deepEqual(live?.["data"], { a: "2" });
  });
});

const anyPackage = fc.record({
  maps: fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 3 }),
  stream: fc.constantFrom("s", "t", "u", "v"),
  /** How often the server is away from its first object. */
  hiccups: fc.nat({ max: 2 }),
});

Deno.test("random packages never write to one object at once, and all of them end", async () => {
  let run = 0;
  const ground = await layGround({ rolloutMs: 1 });
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(anyPackage, { minLength: 2, maxLength: 6 }), async (packages) => {
        const namespace = `shop-${run++}`;
        addNamespace(ground.kubernetes, namespace);
        const left = new Map<string, number>();
        const stand = (await Stand.open(ground, {
          policy: AUTO_POLICY,
          directory: `${ground.directory}/${namespace}`,
          maxParallel: 3,
          wrapCluster: (cluster) =>
            wrapCluster(cluster, ({ isWrite, ref }, next) => {
              const hiccups = left.get(ref.name) ?? 0;
              if (!isWrite || hiccups === 0) return next();
              left.set(ref.name, hiccups - 1);
              throw new TransientError("unavailable", "away for a moment");
            }),
        })).start();
        const objects = new Map<string, { maps: readonly string[]; stream: string }>();
        let most = 0;
        const overlaps: string[] = [];
        const stop = stand.book.onMove(() => {
          const begun = stand.book.listOpen()
            .filter(({ state }) => state === "applying" || state === "rolling_back");
          most = Math.max(most, begun.length);
          const touched = begun.flatMap(({ id }) => objects.get(id)?.maps ?? []);
          if (new Set(touched).size < touched.length) overlaps.push(touched.join(" "));
        });
        try {
          const sent = [];
          for (const { maps, stream, hiccups } of packages) {
            left.set(maps[0]!, hiccups);
            const actions = maps.map((name) => applyAction(configMap(name, { a: "1" }, namespace)));
            const bytes = packageOf({ actions: actions.join("\n"), stream });
            const { id } = await send(stand, ground, bytes);
            objects.set(id, { maps, stream });
            sent.push(id);
          }
          for (const id of sent) await stand.until(id, ...ENDS);
          assert.ok(most <= 3);
          assert.deepEqual(overlaps, []);
        } finally {
          stop();
          await stand.kill();
        }
      }),
      { numRuns: 12 },
    );
  } finally {
    await ground.close();
  }
});
