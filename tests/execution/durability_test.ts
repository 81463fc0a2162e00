import assert from "node:assert/strict";
import { followDirectory } from "../../src/adapters/audit_recovery.ts";
import { TransientError } from "../../src/errors.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import {
  applyAction,
  AUTO_POLICY,
  deployment,
  type Ground,
  layGround,
  packageOf,
  recordsOf,
  send,
  Stand,
} from "../fakes/execution_stand.ts";
import { FaultyFiles } from "../fakes/faulty_files.ts";

const actions = applyAction(deployment("web", "web:1"));

async function auditTypes({ directory }: Ground): Promise<string[]> {
  const types: string[] = [];
  await followDirectory(systemFiles, `${directory}/audit`, null, ({ type }) => {
    types.push(type);
  });
  return types;
}

Deno.test("the record of an intent is on the disk before the first write to the cluster", async () => {
  const ground = await layGround();
  let recordedBefore: string[] | null = null;
  const stand = await Stand.open(ground, {
    policy: AUTO_POLICY,
    wrapCluster: (cluster) => ({
      ...cluster,
      resolve: (ref) => cluster.resolve(ref),
      get: (ref) => cluster.get(ref),
      async apply(object, options) {
        if (!options.dryRun) recordedBefore ??= await auditTypes(ground);
        return await cluster.apply(object, options);
      },
    }),
  });
  try {
    stand.start();
    const { id } = await send(stand, ground, packageOf({ actions }));
    await stand.until(id, "succeeded");
    assert.equal(recordedBefore!.at(-1), "execution.applying");
  } finally {
    await stand.kill();
    await ground.close();
  }
});

Deno.test("nothing is accepted while the audit log takes no records", async () => {
  const ground = await layGround();
  const disk = new FaultyFiles(systemFiles);
  const stand = await Stand.open(ground, { files: disk.files });
  try {
    const before = disk.operations.length;
    // The record comes first: it is the very next thing that is written.
    disk.failAt(1, () => new TransientError("disk_full", "Cannot write: no space left"));
    const bytes = packageOf({ actions });
    await assert.rejects(send(stand, ground, bytes), { code: "audit_unavailable" });
    // The audit log lets its reserve go, and puts the full disk on record.
    const tried = ["open", "remove", "open", "append"];
    assert.deepEqual(disk.operations.slice(before), tried, "nothing else was tried");
    assert.deepEqual(await recordsOf(stand), []);
    assert.equal((await send(stand, ground, bytes)).state, "accepted");
  } finally {
    await stand.kill();
    await ground.close();
  }
});

for (
  const [what, from, to] of [
    ["state", '"state":"accepted"', '"state":"approved"'],
    ["approval", '"approvals":[]', '"approvals":[{"approver":"eve"}]'],
    ["seal", '"seal":"', '"seal":"A'],
  ] as const
) {
  Deno.test(`a journal in which someone changed the ${what} is not acted on`, async () => {
    const ground = await layGround();
    try {
      const stand = await Stand.open(ground);
      const { id } = await send(stand, ground, packageOf({ actions }));
      await stand.kill();
      const path = `${ground.directory}/executions/open/${id}.json`;
      const text = await Deno.readTextFile(path);
      assert.ok(text.includes(from));
      await Deno.writeTextFile(path, text.replace(from, to));
      await assert.rejects(Stand.open(ground), { code: "state_damaged" });
    } finally {
      await ground.close();
    }
  });
}
