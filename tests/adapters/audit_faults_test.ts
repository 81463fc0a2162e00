import assert from "node:assert/strict";
import { TransientError } from "../../src/errors.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { createAuditFixture } from "../fakes/audit.ts";
import { assertNothingLost, liveAndShip, tornBytes, type Witness } from "../fakes/audit_story.ts";
import { CrashSwitch, type Fault } from "../fakes/crash_switch.ts";
import { FaultyFiles } from "../fakes/faulty_files.ts";

const full = () => new TransientError("disk_full", "no space left");
const broken = () => new Error("EIO: input/output error");
const nobody = (): Witness => ({ acknowledged: [], refused: [] });

for (const [name, error] of [["EIO", broken], ["ENOSPC", full]] as const) {
  for (const lasts of [1, 3]) {
    Deno.test(`audit log loses nothing when ${lasts} disk operations from any on fail with ${name}`, async () => {
      const operations = await countOperations();
      assert.ok(operations > 20, `${operations} operations`);
      for (let operation = 1; operation <= operations; operation++) {
        await using fixture = await createAuditFixture();
        const disk = new FaultyFiles(systemFiles);
        disk.failAt(operation, error, lasts);
        const witness = nobody();
        try {
          await liveAndShip(fixture, disk.files, witness, () => true);
          await assertNothingLost(fixture, witness);
          const told = witness.acknowledged.length;
          if (operation > 3 && lasts === 1) assert.ok(told >= 8, `${told} of 12 acknowledged`);
        } catch (cause) {
          const what = disk.operations.slice(0, operation).join(" ");
          throw new Error(`operation ${operation}: ${what}`, { cause });
        }
      }
    });
  }
}

async function countOperations(): Promise<number> {
  await using fixture = await createAuditFixture();
  const disk = new FaultyFiles(systemFiles);
  await liveAndShip(fixture, disk.files, nobody(), () => true);
  return disk.operations.length;
}

for (const fault of ["torn", "after"] satisfies Fault[]) {
  Deno.test(`audit log loses nothing when the process dies at any step (${fault}), nor at any of the next start`, async () => {
    let [steps, second] = [Infinity, 0];
    for (let step = 1; step <= steps; step++) {
      await using fixture = await createAuditFixture();
      const witness = nobody();
      const first = new CrashSwitch(step, fault);
      await dieIn(first, fixture, witness);
      steps = Math.min(steps, first.isDead ? Infinity : first.steps.length);
      const torn = await tornBytes(fixture);
      // And the one that starts afterwards dies in its recovery, at each step in turn over the runs.
      second = second % 5 + 1;
      const next = new CrashSwitch(second, fault);
      await dieIn(next, fixture, witness);
      try {
        await assertNothingLost(fixture, witness, torn);
      } catch (cause) {
        const what = [first, next].map((one) => one.steps.join(" ")).join(" | ");
        throw new Error(`step ${step}, then ${second}: ${what}`, { cause });
      }
    }
    assert.ok(steps > 20, `${steps} steps`);
  });
}

async function dieIn(
  death: CrashSwitch,
  fixture: Awaited<ReturnType<typeof createAuditFixture>>,
  witness: Witness,
): Promise<void> {
  const alive = () => !death.isDead;
  const life = liveAndShip(fixture, death.files(systemFiles), witness, alive);
  await death.survive(life).catch((error) => {
    if (alive()) throw error;
  });
  await death.settled();
}
