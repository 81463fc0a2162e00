/** What someone who can write beside the journal's records can make us do: nothing. */
import assert from "node:assert/strict";
import { encodeBase64 } from "../../src/core/encoding.ts";
import type { ExecutionRecord } from "../../src/core/execution.ts";
import type { Cluster } from "../../src/execution/cluster.ts";
import { wrapCluster } from "../fakes/cluster_wrap.ts";
import {
  applyAction,
  configMap,
  type Ground,
  layGround,
  packageOf,
  send,
  Stand,
} from "../fakes/execution_stand.ts";

const ACTIONS = applyAction(configMap("c", { a: "1" }));

interface Scene {
  readonly ground: Ground;
  readonly record: ExecutionRecord;
  /** Path of a file of the journal. */
  file(name: string): string;
}

async function withScene(
  prepare: (stand: Stand, id: string) => Promise<unknown>,
  work: (scene: Scene) => Promise<void>,
): Promise<void> {
  const ground = await layGround({ rolloutMs: 1 });
  try {
    const stand = await Stand.open(ground);
    const bytes = packageOf({ actions: ACTIONS, stream: "s", sequence: 7 });
    const { id } = await send(stand, ground, bytes);
    await prepare(stand, id);
    const record = await stand.book.get(id);
    await stand.kill();
    await work({ ground, record, file: (name) => `${ground.directory}/executions/${name}` });
  } finally {
    await ground.close();
  }
}

const untouched = () => Promise.resolve();

const readOnly = (cluster: Cluster) =>
  wrapCluster(cluster, ({ isWrite }, next) => {
    assert.ok(!isWrite, "written to the cluster");
    return next();
  });

/** Runs the engine until it says why it cannot go on; asserts that nothing was written meanwhile. */
async function assertStuck({ ground, record }: Scene): Promise<void> {
  const stand = await Stand.open(ground, { wrapCluster: readOnly });
  const stuck = Promise.withResolvers<string>();
  const report = stand.health.report.bind(stand.health);
  stand.health.report = (part, state, reason) => {
    report(part, state, reason);
    if (state === "degraded") stuck.resolve(reason);
  };
  try {
    stand.start();
    assert.match(await stuck.promise, /^state_damaged: /);
    assert.equal((await stand.book.get(record.id)).state, record.state);
    assert.equal(ground.kubernetes.store.get("v1", "ConfigMap", "shop", "c"), null);
  } finally {
    await stand.kill();
  }
}

async function assertUnopenable({ ground }: Scene): Promise<void> {
  await assert.rejects(Stand.open(ground), { code: "state_damaged" });
}

async function assertEnds({ ground, record }: Scene, state: "succeeded"): Promise<void> {
  const stand = await Stand.open(ground);
  try {
    assert.equal((await stand.start().until(record.id, state)).state, state);
  } finally {
    await stand.kill();
  }
}

const PACKAGE_EDITS: Record<string, (scene: Scene, text: string) => string> = {
  "is another one, signed as well": ({ ground }) => {
    const other = packageOf({ actions: applyAction(configMap("other", {})) });
    return JSON.stringify({ payload: encodeBase64(other), bundles: [ground.signer.sign(other)] });
  },
  "came with another bundle": (_scene, text) =>
    JSON.stringify({ ...JSON.parse(text), bundles: [{ other: true }] }),
  "has no bundle": (_scene, text) => JSON.stringify({ ...JSON.parse(text), bundles: [] }),
  "is not base64": (_scene, text) => JSON.stringify({ ...JSON.parse(text), payload: "%" }),
  "is cut short": (_scene, text) => text.slice(0, -20),
};

for (const [what, edit] of Object.entries(PACKAGE_EDITS)) {
  Deno.test(`an execution whose package in the journal ${what} stays where it is`, () =>
    withScene(untouched, async (scene) => {
      const path = scene.file(`packages/${scene.record.id}.json`);
      await Deno.writeTextFile(path, edit(scene, await Deno.readTextFile(path)));
      await assertStuck(scene);
    }));
}

/** As a crash leaves it right after the state was written. */
async function begin(stand: Stand, id: string): Promise<void> {
  const { book } = stand;
  const accepted = await book.get(id);
  const plan = { digest: "sha256:plan", entries: [], plannedAtMs: 0 };
  const approved = await book.move(accepted, "approved", "test", { plan });
  const ref = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: "c" };
  const preimagesDigest = await book.savePreimages(approved, [{ ref, before: null }]);
  await book.move(approved, "applying", "test", { preimagesDigest });
}

Deno.test("an execution whose preimages were changed is neither carried out nor taken back", () =>
  withScene(begin, async (scene) => {
    const path = scene.file(`preimages/${scene.record.id}.json`);
    const text = await Deno.readTextFile(path);
    for (const edited of [text.replace("shop", "kube-system"), "[]", "{}", text.slice(0, -5)]) {
      await Deno.writeTextFile(path, edited);
      await assertStuck(scene);
    }
    await Deno.remove(path);
    await assertStuck(scene);
    await Deno.writeTextFile(path, text);
    await assertEnds(scene, "succeeded");
  }));

Deno.test("a journal whose stream heads were changed, taken away or turned back is not opened", () =>
  withScene(untouched, async (scene) => {
    const path = scene.file("streams.json");
    const text = await Deno.readTextFile(path);
    const { heads, seal } = JSON.parse(text);
    const edits = [
      { heads: [{ ...heads[0], sequence: 6 }], seal },
      { heads: [{ ...heads[0], id: "" }], seal },
      { heads: [], seal },
      { heads, seal: "" },
      { heads, seal, more: true },
      [],
    ];
    for (const edit of edits) {
      await Deno.writeTextFile(path, JSON.stringify(edit));
      await assertUnopenable(scene);
    }
    await Deno.remove(path);
    await assertUnopenable(scene);
  }));

Deno.test("a journal with stream heads from before its newest record is not opened", async () => {
  const ground = await layGround();
  try {
    const first = await Stand.open(ground);
    await first.kill();
    const path = `${ground.directory}/executions/streams.json`;
    const old = await Deno.readTextFile(path);
    const stand = await Stand.open(ground);
    await send(stand, ground, packageOf({ actions: ACTIONS }));
    await stand.kill();
    await Deno.writeTextFile(path, old);
    await assert.rejects(Stand.open(ground), { code: "state_damaged" });
  } finally {
    await ground.close();
  }
});

Deno.test("an open record that is put back after its end changes nothing", () =>
  withScene(async (stand, id) => {
    const path = `${stand.directory}/executions/open/${id}.json`;
    const old = await Deno.readTextFile(path);
    await stand.book.move(await stand.book.get(id), "superseded", "not today");
    await stand.deliverReceipts(() => {});
    await Deno.writeTextFile(path, old);
  }, async ({ ground, record, file }) => {
    const stand = await Stand.open(ground, { wrapCluster: readOnly });
    try {
      assert.deepEqual(stand.book.listOpen(), []);
      assert.equal((await stand.book.get(record.id)).state, "superseded");
      await assert.rejects(Deno.stat(file(`open/${record.id}.json`)), Deno.errors.NotFound);
    } finally {
      await stand.kill();
    }
  }));

Deno.test("an ended record that was changed is shown to nobody, and its package not taken again", () =>
  withScene(async (stand, id) => {
    await stand.book.move(await stand.book.get(id), "superseded", "not today");
    await stand.deliverReceipts(() => {});
  }, async ({ ground, record, file }) => {
    const path = file(`ended/${record.id}.json`);
    const text = await Deno.readTextFile(path);
    const pack = JSON.parse(await Deno.readTextFile(file(`packages/${record.id}.json`)));
    await Deno.writeTextFile(path, text.replace('"superseded"', '"refused"'));
    const stand = await Stand.open(ground);
    try {
      const damaged = { code: "state_damaged" };
      await assert.rejects(stand.book.get(record.id), damaged);
      await assert.rejects(send(stand, ground, Uint8Array.fromBase64(pack.payload)), damaged);
      assert.deepEqual(stand.book.listOpen(), []);
    } finally {
      await stand.kill();
    }
  }));

Deno.test("a journal with a record where none belongs is not opened", () =>
  withScene(untouched, async (scene) => {
    const { id } = scene.record;
    await Deno.copyFile(scene.file(`open/${id}.json`), scene.file(`${id}.json`));
    await assertUnopenable(scene);
  }));
