/**
 * The audit log's adapter on the real kernel: each of its calls that change a file fails in turn, with EIO,
 * with ENOSPC, and by the death of the process. Afterwards no record that a caller was told of is missing.
 */
import assert from "node:assert/strict";
import { FAULTY_LIBRARY, FAULTY_PROGRAM } from "../../scripts/testbed/faults/faulty_calls.ts";
import { print } from "../../scripts/testbed/print.ts";
import { followDirectory } from "../../src/adapters/audit_recovery.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { createEntry } from "../fakes/audit.ts";
import { FakeClock } from "../fakes/fake_clock.ts";
import { openLog } from "./audit_log.ts";
import { runToEnd } from "./process.ts";

const ROOT = `${Deno.cwd()}/reports/audit-syscalls`;
const SIDE_BY_SIDE = 3;
const KILLED = 137;

const isHere = await Deno.stat(FAULTY_PROGRAM).then(() => true, () => false);
if (!isHere) print("ignored: audit syscalls: there was no C compiler to build the injector with");

interface Run {
  readonly code: number;
  readonly acknowledged: readonly number[];
  /** Names of the calls that were made. */
  readonly calls: readonly string[];
}

async function write(folder: string, first: number, kind: string, at: number): Promise<Run> {
  const log = `${folder}/calls-${first}`;
  const { code, stdout } = await runToEnd(`${Deno.cwd()}/${FAULTY_PROGRAM}`, {
    args: [
      ...[Deno.execPath(), "run", "--no-check", "--quiet", "-P=real"],
      ...["tests/real/audit_writer.ts", folder, String(first)],
    ],
    env: {
      FAULT_LIBRARY: `${Deno.cwd()}/${FAULTY_LIBRARY}`,
      FAULT_PATH: `${folder}/audit`,
      FAULT_AT: String(at),
      FAULT_KIND: kind,
      FAULT_LOG: log,
    },
  });
  const acknowledged = [...stdout.matchAll(/^ack (\d+)$/gm)].map(([, index]) => Number(index));
  const calls = (await Deno.readTextFile(log).catch(() => "")).split("\n").filter(Boolean);
  return { code, acknowledged, calls };
}

/** Lives through the fault, starts again without one, and reads what is there then. */
async function withstand(kind: string, at: number, secondDeath: number | null): Promise<void> {
  const folder = `${ROOT}/${kind}-${at}`;
  await Deno.mkdir(folder, { recursive: true });
  const first = await write(folder, 0, kind, at);
  const runs = [first];
  if (kind === "KILL" || kind === "TEAR") assert.equal(first.code, KILLED);
  if (secondDeath !== null) runs.push(await write(folder, 100, "KILL", secondDeath));
  const log = await openLog(folder, new FakeClock(), Infinity);
  await log.record(createEntry(200));
  await log.close();
  const found: number[] = [];
  let recovered = false;
  const { base } = await followDirectory(systemFiles, `${folder}/audit`, null, (record) => {
    if (record.type === "execution.applying") found.push(record.data.index as number);
    recovered ||= record.type === "audit.recovered";
  });
  assert.equal(new Set(found).size, found.length, "a record is there twice");
  const begin = base.head.sequence > 0 ? found[0]! : 0;
  const lost = runs.flatMap(({ acknowledged }) => acknowledged)
    .filter((index) => index >= begin && !found.includes(index));
  assert.deepEqual(lost, [], "acknowledged, and not there");
  assert.equal(found.at(-1), 200);
  if (kind === "TEAR" && first.calls.at(-2) === "fdatasync") assert.ok(recovered || begin > 0);
  await Deno.remove(folder, { recursive: true });
}

Deno.test({
  name:
    "audit log loses nothing that it acknowledged whichever call to the kernel fails or is the last",
  ignore: !isHere,
  fn: async () => {
    await Deno.remove(ROOT, { recursive: true }).catch(() => {});
    await Deno.mkdir(`${ROOT}/dry`, { recursive: true });
    const { calls } = await write(`${ROOT}/dry`, 0, "NONE", 0);
    assert.ok(calls.length > 40, calls.join(" "));
    const cases = calls.flatMap((call, index) => {
      const at = index + 1;
      const each = [["EIO", at, null], ["KILL", at, null]] as [string, number, number | null][];
      if (!/sync|truncate|unlink/.test(call)) each.push(["ENOSPC", at, null]);
      if (call === "write") each.push(["TEAR", at, index % 7 + 1]);
      return each;
    });
    print(`${calls.length} calls, ${cases.length} faults`);
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, async () => {
      for (let next; (next = cases.shift()) !== undefined;) {
        const [kind, at, secondDeath] = next;
        await withstand(kind, at, secondDeath).catch((cause) => {
          throw new Error(`${kind} at call ${at}, ${calls[at - 1]}, then ${secondDeath}`, {
            cause,
          });
        });
      }
    }));
    await Deno.remove(ROOT, { recursive: true });
  },
});
