/** What someone who can write to the journal, or to all of it but the key, can make us do: nothing. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { loadOrCreateKey } from "../../src/adapters/key_file.ts";
import { signApproval } from "../../src/core/approval.ts";
import { generateKeyPem, keyFromPem } from "../../src/core/connector_key.ts";
import { encodeBase64 } from "../../src/core/encoding.ts";
import { sealRecord } from "../../src/core/execution_seal.ts";
import type { ExecutionRecord } from "../../src/core/execution.ts";
import type { Json, KubeObject } from "../../src/core/kubernetes_object.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { wrapCluster } from "../fakes/cluster_wrap.ts";
import {
  applyAction,
  AUTO_POLICY,
  configMap,
  type Ground,
  layGround,
  OWN_UID,
  packageOf,
  send,
  Stand,
} from "../fakes/execution_stand.ts";

type Edit = (record: ExecutionRecord, ground: Ground) => unknown;

const ACTIONS = applyAction(configMap("c", { a: "1" }));

/** A journal with one execution that waits for approval. */
async function withPending(
  work: (ground: Ground, path: string, record: ExecutionRecord) => Promise<void>,
): Promise<void> {
  const ground = await layGround({ rolloutMs: 1 });
  try {
    const stand = await Stand.open(ground);
    const { id } = await send(stand.start(), ground, packageOf({ actions: ACTIONS }));
    await stand.until(id, "pending_approval");
    await stand.kill();
    const path = `${ground.directory}/executions/open/${id}.json`;
    await work(ground, path, JSON.parse(await Deno.readTextFile(path)));
  } finally {
    await ground.close();
  }
}

async function assertUnopenable(ground: Ground): Promise<void> {
  await assert.rejects(Stand.open(ground), { code: "state_damaged" });
  assert.equal(ground.kubernetes.store.get("v1", "ConfigMap", "shop", "c"), null);
}

const EDITS: Record<string, Edit> = {
  "a state": (record) => ({ ...record, state: "approved" }),
  "a state that has begun": (record) => ({ ...record, state: "applying" }),
  "the plan": (record) => ({ ...record, plan: { ...record.plan, digest: "sha256:0" } }),
  "an approval": (record) => ({
    ...record,
    approvals: [{
      approver: "eve",
      means: "uid 0",
      planDigest: record.plan!.digest,
      atMs: 1,
      signed: null,
      signature: "",
    }],
  }),
  "the bundles' digest": (record) => ({ ...record, bundlesDigest: "sha256:0" }),
  "the preimages' digest": (record) => ({ ...record, preimagesDigest: "sha256:0" }),
  "the delivery of its receipt": (record) => ({ ...record, receipted: "it" }),
  "the expiry": (record) => ({ ...record, expiresAtMs: record.expiresAtMs * 2 }),
  "the sequence": (record) => ({ ...record, sequence: 0 }),
  "no seal": (record) => ({ ...record, seal: "" }),
};

for (const [what, edit] of Object.entries(EDITS)) {
  Deno.test(`a journal in which someone has changed ${what} is not opened`, () =>
    withPending(async (ground, path, record) => {
      await Deno.writeTextFile(path, JSON.stringify(edit(record, ground)));
      await assertUnopenable(ground);
    }));
}

Deno.test("a journal that another key has sealed is not opened", () =>
  withPending(async (ground, path, record) => {
    const other = await keyFromPem(await generateKeyPem());
    await Deno.writeTextFile(path, JSON.stringify(await sealRecord(record, other)));
    await assertUnopenable(ground);
  }));

Deno.test("a journal file that is no record, or another's, is not opened", () =>
  withPending(async (ground, path, record) => {
    for (const content of ["", "{", "[]", JSON.stringify({ ...record, id: "wpx-other" })]) {
      await Deno.writeTextFile(path, content);
      await assertUnopenable(ground);
    }
  }));

Deno.test("no change of any one value in a journal goes unnoticed", () =>
  withPending(async (ground, path, record) => {
    const leaves = leavesOf(record as unknown as Json).filter(([first]) => first !== "version");
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...leaves), fc.jsonValue(), async (leaf, value) => {
        const edited = structuredClone(record) as unknown as Json;
        fc.pre(JSON.stringify(replaceAt(edited, leaf, value as Json)) !== JSON.stringify(value));
        await Deno.writeTextFile(path, JSON.stringify(edited));
        await assertUnopenable(ground);
      }),
      { numRuns: 60 },
    );
  }));

function leavesOf(value: Json, path: readonly string[] = []): string[][] {
  if (value === null || typeof value !== "object") return [[...path]];
  return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, [...path, key]));
}

/** Returns what was there. */
function replaceAt(root: Json, path: readonly string[], value: Json): Json {
  const parent = path.slice(0, -1)
    .reduce<Json>((inner, key) => (inner as Record<string, Json>)[key]!, root);
  const was = (parent as Record<string, Json>)[path.at(-1)!]!;
  (parent as Record<string, Json>)[path.at(-1)!] = value;
  return was;
}

/** Stands for a bug of ours, or for a thief who had the key once: the seal holds, the approval does not. */
const BAD_APPROVALS: Record<
  string,
  (record: ExecutionRecord) => Promise<ExecutionRecord["approvals"]>
> = {
  "none": () => Promise.resolve([]),
  "one that nobody signed": (record) =>
    Promise.resolve([{
      ...givenBy("alice", OWN_UID),
      planDigest: record.plan!.digest,
      signature: "e30.e30.",
    }]),
  "one under another key": async (record) => [
    await signApproval(
      aboutOf(record),
      givenBy("alice", OWN_UID),
      await keyFromPem(await generateKeyPem()),
    ),
  ],
};
type About = Parameters<typeof signApproval>[0];
const WRONG_CLAIMS: Record<string, Partial<About>> = {
  "one for another plan": { planDigest: "sha256:other" },
  "one for another package": { packageDigest: "sha256:other" },
  "one for another execution": { executionId: "wpx-other" },
};

/** People whom the connector's own key vouches for, and who may not approve all the same. */
const WRONG_PEOPLE: Record<string, Parameters<typeof signApproval>[1]> = {
  "one by someone who is no approver": givenBy("eve", OWN_UID + 77),
  "one by an approver under another's name": givenBy("bob", OWN_UID),
  "one in the name of the signer": givenBy("release", OWN_UID),
  "one by a user of the cluster who is no approver": {
    ...givenBy("alice", OWN_UID),
    means: "kubernetes alice@example.com",
  },
};

function givenBy(approver: string, uid: number) {
  return { approver, means: `uid ${uid}`, atMs: Date.now(), signed: null };
}

function aboutOf(record: ExecutionRecord): About {
  return {
    executionId: record.id,
    packageDigest: record.digest,
    planDigest: record.plan!.digest,
  };
}

async function assertNotApplied(
  ground: Ground,
  path: string,
  record: ExecutionRecord,
  approvals: ExecutionRecord["approvals"],
): Promise<void> {
  const key = await loadOrCreateKey(systemFiles, ground.directory);
  const forged = await sealRecord({ ...record, state: "approved", approvals }, key);
  await Deno.writeTextFile(path, JSON.stringify(forged));
  const stand = await Stand.open(ground, {
    wrapCluster: (cluster) =>
      wrapCluster(cluster, ({ isWrite }, next) => {
        assert.ok(!isWrite, "written without an approval");
        return next();
      }),
  });
  try {
    const next = await stand.start().until(
      record.id,
      "pending_approval",
      "rolled_back",
      "succeeded",
    );
    assert.equal(next.state, "pending_approval", next.reason);
    assert.deepEqual(next.approvals, [], "what does not hold is not kept");
    await stand.approvals.reject(record.id, stand.people.alice, "who was that?");
  } finally {
    await stand.kill();
  }
}

for (const [what, forge] of Object.entries(BAD_APPROVALS)) {
  Deno.test(`an execution that claims to be approved, with ${what}, is shown to a person again`, () =>
    withPending(async (ground, path, record) =>
      await assertNotApplied(ground, path, record, await forge(record))
    ));
}
for (const [what, wrong] of Object.entries(WRONG_CLAIMS)) {
  Deno.test(`an execution that claims to be approved, with ${what}, is shown to a person again`, () =>
    withPending(async (ground, path, record) => {
      const key = await loadOrCreateKey(systemFiles, ground.directory);
      const about = { ...aboutOf(record), ...wrong };
      const approval = await signApproval(about, givenBy("alice", OWN_UID), key);
      await assertNotApplied(ground, path, record, [approval]);
    }));
}
for (const [what, given] of Object.entries(WRONG_PEOPLE)) {
  Deno.test(`an execution that claims to be approved, with ${what}, is shown to a person again`, () =>
    withPending(async (ground, path, record) => {
      const key = await loadOrCreateKey(systemFiles, ground.directory);
      await assertNotApplied(ground, path, record, [
        await signApproval(aboutOf(record), given, key),
      ]);
    }));
}

Deno.test("a settled execution keeps no preimages, on the disk or in memory", async () => {
  const ground = await layGround({ rolloutMs: 1 });
  ground.kubernetes.store.put(
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s", namespace: "shop" },
      data: { password: btoa("hunter2-hunter2") },
    } as unknown as KubeObject as never,
    "kubectl",
  );
  const stand = await Stand.open(ground, { policy: AUTO_POLICY });
  try {
    const manifest =
      "apiVersion: v1\nkind: Secret\nmetadata: { name: s, namespace: shop, labels: { a: b } }";
    const bytes = packageOf({ actions: applyAction(manifest) });
    const { id } = await send(stand.start(), ground, bytes);
    await stand.until(id, "succeeded");
    await assert.rejects(Deno.stat(`${ground.directory}/executions/preimages/${id}.json`));
    const folder = `${ground.directory}/executions`;
    const stored = await Deno.readTextFile(`${folder}/open/${id}.json`);
    assert.equal(stored.includes(btoa("hunter2-hunter2")), false);
    const pack = JSON.parse(await Deno.readTextFile(`${folder}/packages/${id}.json`));
    assert.equal(pack.payload, encodeBase64(bytes));
  } finally {
    await stand.kill();
    await ground.close();
  }
});
