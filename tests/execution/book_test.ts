import assert from "node:assert/strict";
import { describeError } from "../../src/errors.ts";
import {
  applyAction,
  configMap,
  layGround,
  packageOf,
  readAudit,
  readReceipts,
  send,
  Stand,
} from "../fakes/execution_stand.ts";

const ACTIONS = applyAction(configMap("c", { a: "1" }));

Deno.test("of many who decide about one execution at once, exactly one does", async () => {
  const ground = await layGround({ rolloutMs: 1 });
  const stand = await Stand.open(ground);
  try {
    const { id } = await send(stand, ground, packageOf({ actions: ACTIONS, stream: "race" }));
    const accepted = await stand.book.get(id);
    const plan = { digest: "sha256:plan", entries: [], plannedAtMs: 0 };
    await stand.book.move(accepted, "pending_approval", "a person must approve the plan", { plan });
    const results = await Promise.allSettled([
      stand.approvals.approve(id, plan.digest, stand.people.alice),
      stand.approvals.approve(id, plan.digest, stand.people.bob),
      stand.approvals.reject(id, stand.people.carol, "no"),
      send(stand, ground, packageOf({ actions: ACTIONS, stream: "race" })),
    ]);
    const lost = results.slice(0, 3).filter((result) => result.status === "rejected");
    assert.equal(lost.length, 2);
    for (const { reason } of lost) assert.match(describeError(reason), /^not_approvable: /);

    const decisions = (await readAudit(stand.directory))
      .filter(({ subject, actor, type }) =>
        subject === id && actor.includes("(uid ") && type !== "execution.approval"
      );
    assert.equal(decisions.length, 1, "what lost is not on record as done");
    const { state, version } = await stand.book.get(id);
    await stand.kill();
    const reopened = await Stand.open(ground);
    const after = await reopened.book.get(id);
    assert.deepEqual([after.state, after.version], [state, version]);
    await reopened.kill();
  } finally {
    await stand.kill();
    await ground.close();
  }
});

Deno.test("a move from a record that is no longer the latest is refused before it is on record", async () => {
  const ground = await layGround();
  const stand = await Stand.open(ground);
  try {
    const { id } = await send(stand, ground, packageOf({ actions: ACTIONS }));
    const seen = await stand.book.get(id);
    await stand.book.move(seen, "superseded", "first");
    const before = (await readAudit(stand.directory)).length;
    await assert.rejects(stand.book.move(seen, "expired", "second"), { code: "not_leader" });
    assert.equal((await readAudit(stand.directory)).length, before);
  } finally {
    await stand.kill();
    await ground.close();
  }
});

Deno.test("receipts name the cluster that the package was accepted for, and say what was decided", async () => {
  const ground = await layGround();
  const stand = await Stand.open(ground);
  try {
    const { id } = await send(stand, ground, packageOf({ actions: ACTIONS }));
    await stand.book.move(await stand.book.get(id), "superseded", "not today");
    await stand.kill();
    for (const { name } of Deno.readDirSync(`${stand.directory}/receipts`)) {
      if (name.endsWith(".json")) Deno.removeSync(`${stand.directory}/receipts/${name}`);
    }
    // As after a crash between journal and receipt, and before the control plane has named the cluster.
    const next = await Stand.open(ground, { isRegistered: () => false });
    const [receipt] = await readReceipts(next);
    await next.kill();
    assert.equal(receipt?.clusterId, "c-test");
    assert.equal(receipt.state, "superseded");
    assert.equal(receipt.reason, "not today");
  } finally {
    await stand.kill();
    await ground.close();
  }
});

Deno.test("a book that was closed takes packages from the journal again, not from its memory", async () => {
  const ground = await layGround();
  const stand = await Stand.open(ground);
  try {
    const { id } = await send(stand, ground, packageOf({ actions: ACTIONS }));
    stand.book.close();
    await stand.book.open();
    await Deno.remove(`${stand.directory}/executions/packages/${id}.json`);
    const record = await stand.book.get(id);
    await assert.rejects(stand.book.package(record), { code: "state_damaged" });
  } finally {
    await stand.kill();
    await ground.close();
  }
});
