import assert from "node:assert/strict";
import { followDirectory } from "../../src/adapters/audit_recovery.ts";
import { RESERVE_BYTES } from "../../src/adapters/audit_reserve.ts";
import { isOutcome } from "../../src/core/audit/outcome.ts";
import { EXECUTION_STATES } from "../../src/core/protocol.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { type AuditFixture, createAuditFixture, createEntry } from "../fakes/audit.ts";
import { FullDisk } from "../fakes/full_disk.ts";

const DAY_MS = 86_400_000;
const ending = { ...createEntry(0), type: "execution.failed" };

async function typesOf({ directory, signer }: AuditFixture): Promise<string[]> {
  const types: string[] = [];
  await followDirectory(systemFiles, directory, signer.publicKey, ({ type }) => types.push(type));
  return types;
}

Deno.test("full disk: acts are refused, and what has ended is still recorded", async () => {
  await using fixture = await createAuditFixture();
  const disk = new FullDisk(systemFiles, RESERVE_BYTES + 3000);
  const log = await fixture.open(disk.files);
  await log.record(createEntry(1));
  disk.freeBytes = 200;
  await assert.rejects(log.record(createEntry(2)), { code: "audit_unavailable" });
  assert.match(fixture.health.get("audit")!.reason, /the disk is full/);
  assert.equal(fixture.health.get("audit")!.state, "degraded");
  // Of several that come together, the one that may be is.
  const [act, end] = await Promise.allSettled([log.record(createEntry(3)), log.record(ending)]);
  assert.equal(act.status, "rejected");
  assert.equal(end.status, "fulfilled");
  fixture.clock.advance(DAY_MS);
  await log.rotate();
  await log.close();
  const types = await typesOf(fixture);
  assert.deepEqual(types.slice(0, 3), ["audit.genesis", "execution.applying", "audit.recovered"]);
  assert.deepEqual(types.slice(3), [
    "audit.disk_full",
    "execution.failed",
    "audit.day_sealed",
    "audit.day_opened",
  ]);
});

Deno.test("full disk: the reserve is taken back once there is room, and acts go on", async () => {
  await using fixture = await createAuditFixture();
  const disk = new FullDisk(systemFiles, RESERVE_BYTES + 2000);
  const log = await fixture.open(disk.files);
  disk.freeBytes = 0;
  await assert.rejects(log.record(createEntry(1)), { code: "audit_unavailable" });
  await assert.rejects(log.record(createEntry(2)), { code: "audit_unavailable" });
  disk.freeBytes += 10_000;
  fixture.clock.advance(1000);
  await log.record(createEntry(3));
  assert.equal(fixture.health.get("audit")!.state, "ok");
  await log.close();
  const types = await typesOf(fixture);
  assert.deepEqual(types.filter((type) => /disk/.test(type)), [
    "audit.disk_full",
    "audit.disk_freed",
  ]);
  assert.equal((await systemFiles.stat(`${fixture.directory}/reserve`))?.size, RESERVE_BYTES);
});

Deno.test("full disk: a torn tail is recovered on what the reserve gives back", async () => {
  await using fixture = await createAuditFixture();
  const first = await fixture.open();
  await first.record(createEntry(1));
  await first.close();
  const [name] = (await systemFiles.list(fixture.directory)).filter((one) => /jsonl$/.test(one));
  await Deno.writeTextFile(`${fixture.directory}/${name}`, `{"actor":"co`, { append: true });
  const disk = new FullDisk(systemFiles, 0);
  const second = await fixture.open(disk.files);
  await second.record(ending);
  await assert.rejects(second.record(createEntry(2)), { code: "audit_unavailable" });
  await second.close();
  const types = await typesOf(fixture);
  assert.deepEqual(types.slice(2), ["audit.recovered", "execution.failed"]);
});

Deno.test("full disk: of an execution's states, those that begin something are acts", () => {
  const acts = EXECUTION_STATES.filter((state) => !isOutcome(`execution.${state}`));
  assert.deepEqual(acts.toSorted(), ["accepted", "applying", "approved", "pending_approval"]);
  assert.ok(!isOutcome("leadership.acquired") && isOutcome("leadership.lost"));
  assert.ok(!isOutcome("execution.approval") && isOutcome("approval.refused"));
});
