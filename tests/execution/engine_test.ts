import assert from "node:assert/strict";
import { formatPerson } from "../../src/core/approver.ts";
import type { KubeObject } from "../../src/core/kubernetes_object.ts";
import { RefusedError, TransientError } from "../../src/errors.ts";
import { alwaysLeader } from "../../src/execution/leadership.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { type ClusterCall, wrapCluster } from "../fakes/cluster_wrap.ts";
import { leadingWhile } from "../fakes/leadership.ts";
import {
  applyAction,
  AUTO_POLICY,
  configMap,
  deployment,
  type Ground,
  layGround,
  MANUAL_POLICY,
  packageOf,
  readAudit,
  send,
  Stand,
  type StandOptions,
} from "../fakes/execution_stand.ts";

const TWO_MAPS = [
  applyAction(configMap("one", { a: "1" })),
  applyAction(configMap("two", { a: "1" })),
].join("\n");

async function withGround(
  work: (ground: Ground, open: (options: StandOptions) => Promise<Stand>) => Promise<void>,
  times: Parameters<typeof layGround>[0] = { rolloutMs: 1 },
): Promise<void> {
  const ground = await layGround(times);
  const stands: Stand[] = [];
  try {
    await work(ground, async (options) => {
      const stand = await Stand.open(ground, { policy: AUTO_POLICY, ...options });
      stands.push(stand);
      return stand;
    });
  } finally {
    for (const stand of stands) await stand.kill();
    await ground.close();
  }
}

function around(
  call: (call: ClusterCall) => void | Promise<void>,
): Pick<StandOptions, "wrapCluster"> {
  return {
    wrapCluster: (cluster) =>
      wrapCluster(cluster, async (made, next) => {
        await call(made);
        return await next();
      }),
  };
}

function mapIn({ kubernetes }: Ground, name: string): KubeObject | null {
  return kubernetes.store.get("v1", "ConfigMap", "shop", name);
}

Deno.test("a leader that is deposed in mid-apply writes nothing more, and the next one finishes", () =>
  withGround(async (ground, open) => {
    let leads = true;
    const noticed = Promise.withResolvers<void>();
    const writes: string[] = [];
    const deposed = await open({
      leadership: leadingWhile(() => {
        if (!leads) noticed.resolve();
        return leads;
      }),
      ...around(({ isWrite, ref }) => {
        if (!isWrite) return;
        writes.push(ref.name);
        leads = false;
      }),
    });
    const { id } = await send(deposed.start(), ground, packageOf({ actions: TWO_MAPS }));
    await noticed.promise;
    await deposed.kill();
    assert.deepEqual(writes, ["one"]);
    assert.equal((await deposed.book.get(id)).state, "applying");
    assert.equal(mapIn(ground, "two"), null);

    const next = await open({});
    await next.start().until(id, "succeeded");
    assert.notEqual(mapIn(ground, "two"), null);
  }));

Deno.test("a write that was broken off with the leadership is done again by whoever leads next", () =>
  withGround(async (ground, open) => {
    const ending = new AbortController();
    const deposed = await open({
      leadership: {
        isLeader: () => !ending.signal.aborted,
        term: () =>
          ending.signal.aborted ? null : { ...alwaysLeader.term()!, signal: ending.signal },
        holder: () => "b",
      },
      // The server has done it; the answer comes too late.
      wrapCluster: (cluster) =>
        wrapCluster(cluster, async ({ isWrite }, next) => {
          const answer = await next();
          if (!isWrite) return answer;
          ending.abort(new RefusedError("not_leader", "Leadership ended"));
          throw ending.signal.reason;
        }),
    });
    const { id } = await send(deposed.start(), ground, packageOf({ actions: TWO_MAPS }));
    await deposed.until(id, "applying");
    await new Promise<void>((resolve) => ending.signal.addEventListener("abort", () => resolve()));
    await deposed.kill();
    const { state, applied } = await deposed.book.get(id);
    assert.deepEqual([state, applied], ["applying", 0], "what was done is not known");
    assert.notEqual(mapIn(ground, "one"), null);

    const next = await open({});
    await next.start().until(id, "succeeded");
    assert.notEqual(mapIn(ground, "two"), null);
  }));

Deno.test("leadership is asked for between a read and the write that follows it", () =>
  withGround(async (ground, open) => {
    let leads = true;
    let applying = false;
    const noticed = Promise.withResolvers<void>();
    const stand = await open({
      leadership: leadingWhile(() => {
        if (!leads) noticed.resolve();
        return leads;
      }),
      ...around(({ verb, isWrite }) => {
        assert.ok(leads || !isWrite, "written by a process that no longer leads");
        if (verb === "get" && applying) leads = false;
      }),
    });
    stand.book.onMove(() => {
      applying = stand.book.listOpen().some(({ state }) => state === "applying");
    });
    const { id } = await send(stand.start(), ground, packageOf({ actions: TWO_MAPS }));
    await noticed.promise;
    await stand.kill();
    assert.equal((await stand.book.get(id)).state, "applying");
    assert.equal(mapIn(ground, "one"), null);
  }));

Deno.test("an API server that goes away in mid-apply is waited for", () =>
  withGround(async (ground, open) => {
    const { server } = ground.kubernetes;
    let triesWhileAway = -1;
    const stand = await open(around(async ({ isWrite, ref }) => {
      if (ref.name !== "two") return;
      if (isWrite && triesWhileAway < 0) await server.stop();
      else if (triesWhileAway < 0) return;
      triesWhileAway += 1;
      if (triesWhileAway === 3) server.start();
    }));
    const { id } = await send(stand.start(), ground, packageOf({ actions: TWO_MAPS }));
    await stand.until(id, "succeeded");
    assert.ok(triesWhileAway >= 3);
  }));

Deno.test("an API server that stays away beyond the wait timeout is rolled back once it is there", () =>
  withGround(async (ground, open) => {
    const { server } = ground.kubernetes;
    const stand = await open(around(async ({ isWrite, ref }) => {
      if (isWrite && ref.name === "two") await server.stop();
    }));
    const rollingBack = Promise.withResolvers<void>();
    stand.book.onMove(() => {
      if (stand.book.listOpen().some(({ state }) => state === "rolling_back")) {
        rollingBack.resolve();
      }
    });
    const bytes = packageOf({ actions: TWO_MAPS, timeout: "100ms" });
    const { id } = await send(stand.start(), ground, bytes);
    await rollingBack.promise;
    assert.notEqual(mapIn(ground, "one"), null);
    server.start();
    const end = await stand.until(id, "rolled_back", "rollback_failed");
    assert.equal(end.state, "rolled_back");
    assert.equal(end.code, "unavailable");
    assert.equal(mapIn(ground, "one"), null);
  }));

Deno.test("an error that may pass is tried again until the wait timeout, then rolled back", () =>
  withGround(async (ground, open) => {
    let tries = 0;
    const stand = await open(around(({ isWrite, verb, ref }) => {
      if (!isWrite || verb !== "apply" || ref.name !== "two") return;
      tries += 1;
      throw new TransientError("unavailable", "the webhook of two is away");
    }));
    const bytes = packageOf({ actions: TWO_MAPS, timeout: "150ms" });
    const { id } = await send(stand.start(), ground, bytes);
    const end = await stand.until(id, "rolled_back");
    assert.ok(tries > 1);
    assert.match(end.reason, /webhook of two is away; every object is as it was/);
    assert.equal(mapIn(ground, "one"), null);
  }));

Deno.test("a write that took effect although its answer was lost is rolled back with the rest", () =>
  withGround(async (ground, open) => {
    const stand = await open({
      wrapCluster: (cluster) =>
        wrapCluster(cluster, async ({ isWrite, verb, ref }, next) => {
          const result = await next();
          if (isWrite && verb === "apply" && ref.name === "two") {
            throw new TransientError("timeout", "no answer in time");
          }
          return result;
        }),
    });
    const bytes = packageOf({ actions: TWO_MAPS, timeout: "100ms" });
    const { id } = await send(stand.start(), ground, bytes);
    const end = await stand.until(id, "rolled_back", "succeeded");
    assert.equal(end.state, "rolled_back");
    assert.equal(mapIn(ground, "one"), null);
    assert.equal(mapIn(ground, "two"), null);
  }));

Deno.test("one object that cannot be taken back does not keep the others from it", () =>
  withGround(async (ground, open) => {
    const stand = await open(around(({ verb, ref }) => {
      if (verb !== "delete" || ref.name !== "two") return;
      throw new RefusedError("admission_denied", "a webhook protects it");
    }));
    const actions = [TWO_MAPS, applyAction(deployment("never", "never:broken"))].join("\n");
    const { id } = await send(stand.start(), ground, packageOf({ actions }));
    const end = await stand.until(id, "rolled_back", "rollback_failed");
    assert.equal(end.state, "rollback_failed");
    assert.equal(end.code, "rollback_failed");
    assert.match(end.reason, /taken back: v1\/ConfigMap shop\/two: a webhook protects it/);
    assert.equal(mapIn(ground, "one"), null);
    assert.notEqual(mapIn(ground, "two"), null);
  }, { rolloutMs: 1, progressDeadlineMs: 5 }));

Deno.test("a full disk keeps everything from being applied, and only as long as it is full", () =>
  withGround(async (ground, open) => {
    let isFull = false;
    const refused = Promise.withResolvers<void>();
    let writes = 0;
    const stand = await open({
      files: {
        ...systemFiles,
        replaceDurably: (path, bytes) => {
          if (!isFull || !path.includes("/executions/")) {
            return systemFiles.replaceDurably(path, bytes);
          }
          refused.resolve();
          throw new TransientError("disk_full", `Cannot write ${path}: no space left`);
        },
      },
      ...around(({ isWrite }) => {
        if (isWrite) writes += 1;
      }),
    });
    const stopFilling = stand.book.onMove(() => {
      if (stand.book.listOpen().some(({ state }) => state === "accepted")) isFull = true;
    });
    const { id } = await send(stand.start(), ground, packageOf({ actions: TWO_MAPS }));
    await refused.promise;
    assert.equal((await stand.book.get(id)).state, "accepted");
    assert.equal(writes, 0);
    stopFilling();
    isFull = false;
    const end = await stand.until(id, "succeeded", "rolled_back", "refused");
    assert.equal(end.state, "succeeded");
  }));

Deno.test("a disk that fills up in mid-apply is waited for, not taken for a failed apply", () =>
  withGround(async (ground, open) => {
    let failures = 3;
    const stand = await open({
      files: {
        ...systemFiles,
        replaceDurably: (path, bytes) => {
          if (mapIn(ground, "one") === null || failures === 0) {
            return systemFiles.replaceDurably(path, bytes);
          }
          failures -= 1;
          throw new TransientError("disk_full", `Cannot write ${path}: no space left`);
        },
      },
    });
    const { id } = await send(stand.start(), ground, packageOf({ actions: TWO_MAPS }));
    await stand.until(id, "succeeded");
    assert.equal(failures, 0);
  }));

Deno.test("a receipt that cannot be written holds nothing up and is written later", () =>
  withGround(async (ground, open) => {
    let failures = 2;
    const stand = await open({
      files: {
        ...systemFiles,
        createExclusive: (path, bytes) => {
          if (!path.includes("/receipts/") || failures === 0) {
            return systemFiles.createExclusive(path, bytes);
          }
          failures -= 1;
          throw new TransientError("disk_full", `Cannot write ${path}: no space left`);
        },
      },
    });
    const written = Promise.withResolvers<void>();
    stand.receipts.onPut = () => written.resolve();
    const { id } = await send(stand.start(), ground, packageOf({ actions: TWO_MAPS }));
    await stand.until(id, "succeeded");
    await written.promise;
    assert.deepEqual(
      (await stand.receipts.undelivered()).map(({ executionId }) => executionId),
      [id],
    );
  }));

Deno.test("a slow rollout does not keep the next package from being planned", () =>
  withGround(async (ground, open) => {
    const stand = await open({});
    const slow = await send(
      stand.start(),
      ground,
      packageOf({ actions: applyAction(deployment("slow", "slow:1")), stream: "slow" }),
    );
    await stand.until(slow.id, "applying");
    const next = await send(
      stand,
      ground,
      packageOf({ actions: TWO_MAPS, stream: "next", risk: "high" }),
    );
    await stand.until(next.id, "pending_approval");
    assert.equal((await stand.book.get(slow.id)).state, "applying");
    await stand.until(slow.id, "succeeded");
  }, { rolloutMs: 1500 }));

Deno.test("a package that cannot be planned for now does not hold up the others", () =>
  withGround(async (ground, open) => {
    const stand = await open(around(({ ref }) => {
      if (ref.name === "stuck") throw new TransientError("unavailable", "its webhook is away");
    }));
    const stuck = packageOf({ actions: applyAction(configMap("stuck", {})), stream: "stuck" });
    const { id } = await send(stand.start(), ground, stuck);
    const other = await send(stand, ground, packageOf({ actions: TWO_MAPS, stream: "other" }));
    await stand.until(other.id, "succeeded");
    assert.equal((await stand.book.get(id)).state, "accepted");
  }));

Deno.test("an approval outlives the process that took it", () =>
  withGround(async (ground, open) => {
    const first = await open({ policy: MANUAL_POLICY });
    const { id } = await send(first.start(), ground, packageOf({ actions: TWO_MAPS }));
    const { plan } = await first.until(id, "pending_approval");
    await first.kill();
    const second = await open({ policy: MANUAL_POLICY });
    await second.approvals.approve(id, plan!.digest, second.people.alice);
    await second.kill();
    const third = await open({ policy: MANUAL_POLICY });
    const alice = formatPerson(third.people.alice);
    const done = await third.start().until(id, "succeeded");
    assert.deepEqual(done.approvals.map(({ approver }) => approver), ["alice"]);
    const audited = (await readAudit(ground.directory))
      .filter(({ subject }) => subject === id)
      .map(({ type, actor }) => `${type} by ${actor}`);
    assert.deepEqual(audited, [
      "execution.accepted by release",
      "execution.pending_approval by connector",
      `execution.approval by ${alice}`,
      `execution.approved by ${alice}`,
      "execution.applying by connector",
      "execution.succeeded by connector",
    ]);
  }));

Deno.test("what auto mode let through goes to a person when the policy has changed since", () =>
  withGround(async (ground, open) => {
    const first = await open({ maxParallel: 1 });
    const slow = packageOf({ actions: applyAction(deployment("slow", "slow:1")), stream: "slow" });
    await first.until((await send(first.start(), ground, slow)).id, "applying");
    const { id } = await send(first, ground, packageOf({ actions: TWO_MAPS }));
    await first.until(id, "approved");
    await first.kill();
    const second = await open({ policy: MANUAL_POLICY });
    const { plan } = await second.start().until(id, "pending_approval");
    assert.equal(mapIn(ground, "one"), null);
    await second.approvals.approve(id, plan!.digest, second.people.alice);
    await second.until(id, "succeeded");
  }, { rolloutMs: 60_000 }));

Deno.test("an older package that a crash left beside a newer one of its stream is superseded", () =>
  withGround(async (ground, open) => {
    const first = await open({ policy: MANUAL_POLICY });
    const older = await send(first, ground, packageOf({ actions: TWO_MAPS, stream: "s" }));
    // The crash came after the newer one was accepted and before the older one was set aside.
    first.book.move = () => Promise.reject(new TransientError("unavailable", "crashed"));
    const newer = await send(first, ground, packageOf({ actions: TWO_MAPS, stream: "s" }));
    await first.kill();
    const second = await open({ policy: MANUAL_POLICY });
    assert.equal((await second.book.get(older.id)).state, "accepted");
    await second.start().until(older.id, "superseded");
    await second.until(newer.id, "pending_approval");
  }));
