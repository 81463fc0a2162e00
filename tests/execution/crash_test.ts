/**
 * Kills the process at every step of two whole stories; what is restarted must end as if nothing had been.
 * With the journal in the cluster it is another agent, with a disk and a key of its own, that goes on.
 */
import assert from "node:assert/strict";
import { runAuditVerify } from "../../src/cli/audit.ts";
import { type ExecutionRecord, isOpen } from "../../src/core/execution.ts";
import { EXECUTION_STATES } from "../../src/core/protocol.ts";
import { isSettled } from "../../src/core/receipt.ts";
import { ReplayedError } from "../../src/execution/intake.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { wrapCluster } from "../fakes/cluster_wrap.ts";
import { installDefinition } from "../fakes/kubernetes_journal.ts";
import { layWorld, snapshot, STORIES, type Story, type World } from "../fakes/crash_story.ts";
import { Crashed, CrashSwitch, type Fault } from "../fakes/crash_switch.ts";
import {
  type Ground,
  layGround,
  MANUAL_POLICY,
  payloadOf,
  readAudit,
  recordsOf,
  send,
  Stand,
} from "../fakes/execution_stand.ts";

const PARALLEL = 8;
/** They wait for the API server, not for the disk. */
const PARALLEL_SHARED = 32;
const ENDS = EXECUTION_STATES.filter((state) => !isOpen(state));
const CLUSTER_WRITE = /^(apply|merge|delete|create)$/;

/** Opens a process whose every step counts; asserts that nothing is written before it is on record. */
async function openStand(world: World, crash: CrashSwitch): Promise<Stand> {
  const { ground, id, journal, lives, policy } = world;
  const identity = `${lives.length}`;
  const directory = journal ? `${world.directory}/${identity}` : world.directory;
  if (!lives.includes(directory)) lives.push(directory);
  return await Stand.open(ground, {
    directory,
    policy,
    ...(journal
      ? { shared: { namespace: journal, identity, wrapApi: (api) => crash.journalApi(api) } }
      : {}),
    files: crash.files(systemFiles),
    wrapCluster: (cluster) =>
      crash.cluster(wrapCluster(cluster, (call, next) => {
        const isAllowed = !call.isWrite || logsOf(world).some((log) => isAnnounced(log, id));
        assert.ok(isAllowed, "written before the audit log said so");
        return next();
      })),
  });
}

/** Audit logs of all lives; one that ended early has none. */
function logsOf({ lives }: World): string[] {
  const names = (directory: string) => [...Deno.readDirSync(directory)].map(({ name }) => name);
  return lives.filter((one) => names(one).includes("audit")).map((one) => `${one}/audit`)
    .filter((log) => names(log).length > 0);
}

function isAnnounced(log: string, id: string, type = "execution.applying"): boolean {
  return [...Deno.readDirSync(log)].some(({ name }) =>
    Deno.readTextFileSync(`${log}/${name}`).split("\n").some((line) =>
      line.includes(`"type":"${type}"`) && line.includes(id) && line.endsWith("}")
    )
  );
}

/** The sender, who sends until there is an answer, and the person who approves whatever is pending. */
async function drive(stand: Stand, world: World): Promise<ExecutionRecord> {
  const { ground, bytes, id, received } = world;
  try {
    await send(stand, ground, bytes);
  } catch (error) {
    if (!(error instanceof ReplayedError)) throw error;
  }
  for (;;) {
    const record = await stand.until(id, "pending_approval", ...ENDS);
    if (record.state !== "pending_approval") {
      await stand.deliverReceipts((receipt) => received.set(receipt.key, payloadOf(receipt)));
      return await stand.book.get(id);
    }
    await stand.approvals.approve(id, record.plan!.digest, stand.people.alice);
  }
}

/** Returns the record, or null when the process died on the way. */
async function live(world: World, crash: CrashSwitch): Promise<ExecutionRecord | null> {
  let stand: Stand | undefined;
  try {
    const opening = openStand(world, crash);
    stand = await opening;
    return await crash.survive(drive(stand.start(), world));
  } catch (error) {
    if (!crash.isDead) throw error;
    return null;
  } finally {
    await crash.settled();
    await stand?.kill();
  }
}

async function assertTrace(world: World, story: Story): Promise<void> {
  const { lives, ground, received } = world;
  const directory = lives.at(-1)!;
  const problems: string[] = [];
  const io = {
    print: () => {},
    printError: (line: string) => problems.push(line),
    readFile: () => Promise.resolve(null),
    files: systemFiles,
  };
  // Of an agent that did not come back the log may end in half a line, which its next start cuts off.
  const source = { directory: `${directory}/audit` };
  assert.equal(
    await runAuditVerify({ source, checkpoints: [], output: "text" }, io),
    0,
    `${problems}`,
  );
  const last = `execution.${story.end}`;
  assert.ok(logsOf(world).some((log) => isAnnounced(log, world.id, last)), last);
  if (!world.journal) {
    const moves = (await readAudit(directory)).map(({ type }) => type)
      .filter((type) => type.startsWith("execution."));
    assert.equal(moves.at(-1), last);
  }

  const shared = world.journal && { namespace: world.journal, identity: "last" };
  const stand = await Stand.open(ground, { directory, ...(shared ? { shared } : {}) });
  try {
    const outcomes = [...received.values()].filter(({ code }) => code !== "replayed");
    // What a dead agent had not told yet of a wait that is over is told when it comes back.
    const pending = story.policy === MANUAL_POLICY ? ["pending_approval"] : [];
    const states = new Set(shared ? pending : []);
    for (const { state } of outcomes) states.add(state);
    assert.deepEqual([...states], [...pending, story.end]);
    assert.deepEqual(await stand.receipts.undelivered(), []);
    const [record, ...more] = await recordsOf(stand);
    assert.equal(more.length, 0);
    assert.ok(isSettled(record!), "nothing is left to do");
    assert.deepEqual((await stand.journal.open()).open, []);
    assertTidy(world, record!);
  } finally {
    await stand.kill();
  }
}

/** Each record, package and set of preimages is in one place, and no half of a write is left there. */
function assertTidy(
  { directory, ground, journal }: World,
  { id, preimagesDigest }: ExecutionRecord,
): void {
  const names = (folder: string) =>
    [...Deno.readDirSync(`${directory}/executions/${folder}`)].map(({ name }) => name);
  assert.equal(preimagesDigest, null);
  if (journal) {
    const secrets = ground.kubernetes.store.list("v1", "Secret", journal);
    const held = secrets.map(({ metadata }) => metadata.labels?.["neuralops.io/holds"] ?? "key");
    assert.deepEqual(held.sort(), ["head", "key", "package"]);
    return;
  }
  for (const folder of ["ended", "packages"]) assert.deepEqual(names(folder), [`${id}.json`]);
  for (const folder of ["open", "preimages"]) assert.deepEqual(names(folder), [], folder);
}

async function killEverywhere(
  ground: Ground,
  story: Story,
  label: string,
  isShared: boolean,
): Promise<void> {
  const undisturbed = layWorld(ground, story, `${label}-0`, isShared);
  const whole = new CrashSwitch();
  assert.equal((await live(undisturbed, whole))?.state, story.end);
  await assertTrace(undisturbed, story);
  const expected = snapshot(undisturbed);

  /** Whether the fault was met before the story was over. */
  const killAt = async (
    step: number,
    fault: Fault,
    fatal: ConstructorParameters<typeof CrashSwitch>[0] = step,
  ): Promise<boolean> => {
    const world = layWorld(ground, story, `${label}-${step}-${fault}`, isShared);
    const first = new CrashSwitch(fatal, fault);
    if (await live(world, first)) return false;
    // Every third time the process dies once more while it recovers.
    if (step % 3 === 0) await live(world, new CrashSwitch(1 + step % 7, fault));
    try {
      assert.equal((await live(world, new CrashSwitch()))?.state, story.end);
      assert.deepEqual(snapshot(world), expected);
      await assertTrace(world, story);
    } catch (error) {
      throw new Error(`killed at step ${step} (${first.steps.at(-1)}, ${fault})`, { cause: error });
    }
    hits.set(first.steps.at(-1)!, (hits.get(first.steps.at(-1)!) ?? 0) + 1);
    return true;
  };

  const hits = new Map<string, number>();
  let next = 1;
  let isOver = false;
  const worker = async () => {
    while (!isOver) {
      const step = next++;
      isOver = !await killAt(step, "torn") || isOver;
      // For everything else, "after this step" is "before the next".
      if (CLUSTER_WRITE.test(whole.steps[step - 1] ?? "")) await killAt(step, "after");
    }
  };
  const parallel = isShared ? PARALLEL_SHARED : PARALLEL;
  await Promise.all(Array.from({ length: parallel }, worker));

  // A run that looked at the cluster less often was over before the last steps of the first one.
  for (const kind of new Set(whole.steps)) {
    if (hits.has(kind)) continue;
    const isHit = await killAt(next++, "torn", (steps) => steps.at(-1) === kind);
    assert.ok(isHit, `${kind} was never hit`);
  }
  const points = [...hits.values()].reduce((sum, count) => sum + count, 0);
  const due = whole.steps.filter((kind) => kind !== "get").length;
  assert.ok(points >= due - parallel, `only ${points} of ${due}`);
  const list = [...hits].map(([kind, count]) => `${kind} ×${count}`).join(", ");
  await Deno.stdout.write(new TextEncoder().encode(`killed at ${points} points: ${list}\n`));
}

const RUNS = [
  ["up", "a package", "succeeded"],
  ["back", "a package", "rolled_back"],
  ["at-once", "a package that needs no person", "at_once"],
] as const;
for (const [label, who, name] of RUNS) {
  const story = STORIES[name];
  Deno.test(`killed at any step, ${who} still ends ${story.end}, exactly once`, async () => {
    const ground = await layGround({ rolloutMs: 1, progressDeadlineMs: 5 });
    try {
      await killEverywhere(ground, story, label, false);
    } finally {
      await ground.close();
    }
  });
}

for (const [label, end] of [["up", "succeeded"], ["back", "rolled_back"]] as const) {
  Deno.test(`whatever step a leader dies at, the next one ends its package ${end}, exactly once`, async () => {
    const ground = await layGround({ rolloutMs: 1, progressDeadlineMs: 5 });
    try {
      await installDefinition(ground.kubernetes);
      await killEverywhere(ground, STORIES[end], label, true);
    } finally {
      await ground.close();
    }
  });
}

Deno.test("a crash switch lets nothing through once it has fired", async () => {
  const crash = new CrashSwitch(1);
  const files = crash.files(systemFiles);
  await assert.rejects(files.remove("./reports/none"), Crashed);
  await assert.rejects(files.stat("./reports"), Crashed);
});
