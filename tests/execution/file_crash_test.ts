/** Kills the process at every step of a package of files; what is restarted must end as if nothing had been. */
import assert from "node:assert/strict";
import { type ExecutionRecord, isOpen } from "../../src/core/execution.ts";
import { EXECUTION_STATES, type ExecutionState } from "../../src/core/protocol.ts";
import { ReplayedError } from "../../src/execution/intake.ts";
import { nameBytes } from "../../src/execution/stages.ts";
import { systemTree } from "../../src/runtime_deno/file_tree.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { CrashSwitch, type Fault } from "../fakes/crash_switch.ts";
import {
  type Ground,
  layGround,
  packageOf,
  readReceipts,
  send,
  type Stand,
} from "../fakes/execution_stand.ts";
import {
  type EntryInput,
  filesAction,
  type FileWorld,
  layFileWorld,
  openFileStand,
} from "../fakes/file_stand.ts";

const PARALLEL = 8;
const ENDS = EXECUTION_STATES.filter((state) => !isOpen(state));

interface Story {
  readonly end: ExecutionState;
  readonly label: string;
  readonly entries: readonly EntryInput[];
  /** The file that someone else removes as soon as it is there, so that the package fails. */
  readonly spoiled: string | null;
}

const ENTRIES: readonly EntryInput[] = [
  { path: "made/deep/app.conf", content: "new\n", mode: "0755" },
  { path: "changed.conf", content: "after\n" },
  { path: "doomed.conf", absent: true },
];
const APPLIED: Story = { end: "succeeded", label: "up", entries: ENTRIES, spoiled: null };
const ROLLED_BACK: Story = {
  end: "rolled_back",
  label: "back",
  entries: [...ENTRIES, { path: "spoiled.conf", content: "x\n" }],
  spoiled: "spoiled.conf",
};

interface World extends FileWorld {
  readonly bytes: Uint8Array;
  readonly id: string;
  readonly before: Record<string, string>;
}

async function layWorld(ground: Ground, { entries }: Story, name: string): Promise<World> {
  const world = await layFileWorld(ground, name);
  await world.host.write("changed.conf", "before\n", 0o640);
  await world.host.write("doomed.conf", "keep me\n", 0o600);
  const bytes = packageOf({ actions: filesAction(entries), stream: name, timeout: "20s" });
  return { ...world, bytes, id: nameBytes(bytes).id, before: await world.host.snapshot() };
}

async function openStand(world: World, crash: CrashSwitch, { spoiled }: Story): Promise<Stand> {
  const tree = crash.tree({
    ...systemTree,
    async rename(from, to) {
      const done = await systemTree.rename(from, to);
      if (done && to === `${world.host.path}/${spoiled}`) await Deno.remove(to);
      return done;
    },
  });
  return await openFileStand(world, {
    files: crash.files(systemFiles),
    hostFiles: world.host.files({ tree }),
  });
}

async function drive(stand: Stand, { ground, bytes, id }: World): Promise<ExecutionRecord> {
  try {
    await send(stand, ground, bytes);
  } catch (error) {
    if (!(error instanceof ReplayedError)) throw error;
  }
  for (;;) {
    const record = await stand.until(id, "pending_approval", ...ENDS);
    if (record.state !== "pending_approval") return record;
    await stand.approvals.approve(id, record.plan!.digest, stand.people.alice);
  }
}

/** Returns the record, or null when the process died on the way. */
async function live(
  world: World,
  crash: CrashSwitch,
  story: Story,
): Promise<ExecutionRecord | null> {
  let stand: Stand | undefined;
  try {
    stand = await openStand(world, crash, story);
    return await crash.survive(drive(stand.start(), world));
  } catch (error) {
    if (!crash.isDead) throw error;
    return null;
  } finally {
    await crash.settled();
    await stand?.kill();
  }
}

async function assertEnd(world: World, story: Story, after: Record<string, string>) {
  const expected = story.end === "rolled_back" ? world.before : after;
  assert.deepEqual(await world.host.snapshot(), expected);
  const stand = await openFileStand(world);
  try {
    const receipts = await readReceipts(stand);
    const outcomes = receipts.filter(({ code }) => code !== "replayed");
    assert.deepEqual(outcomes.map(({ state }) => state), ["pending_approval", story.end]);
  } finally {
    await stand.kill();
  }
}

async function killEverywhere(ground: Ground, story: Story): Promise<void> {
  const undisturbed = await layWorld(ground, story, `${story.label}-0`);
  const whole = new CrashSwitch();
  assert.equal((await live(undisturbed, whole, story))?.state, story.end);
  const after = await undisturbed.host.snapshot();
  await assertEnd(undisturbed, story, after);

  const hits = new Set<string>();
  const killAt = async (
    step: number,
    fault: Fault,
    fatal: ConstructorParameters<typeof CrashSwitch>[0] = step,
  ): Promise<boolean> => {
    const world = await layWorld(ground, story, `${story.label}-${step}-${fault}`);
    const first = new CrashSwitch(fatal, fault);
    if (await live(world, first, story)) return false;
    // Every third time the process dies once more while it recovers.
    if (step % 3 === 0) await live(world, new CrashSwitch(1 + step % 7), story);
    try {
      assert.equal((await live(world, new CrashSwitch(), story))?.state, story.end);
      await assertEnd(world, story, after);
    } catch (error) {
      throw new Error(`killed at step ${step} (${first.steps.at(-1)}, ${fault})`, { cause: error });
    }
    hits.add(first.steps.at(-1)!);
    return true;
  };

  let next = 1;
  let isOver = false;
  const worker = async () => {
    while (!isOver) {
      const step = next++;
      isOver = !await killAt(step, "torn") || isOver;
      if (whole.steps[step - 1]?.startsWith("tree")) await killAt(step, "after");
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  // A run may have been over before the last steps of the first one.
  for (const kind of new Set(whole.steps)) {
    if (hits.has(kind)) continue;
    const isHit = await killAt(next++, "torn", (steps) => steps.at(-1) === kind);
    assert.ok(isHit, `${kind} was never hit`);
  }
  for (const kind of ["create", "rename", "remove", "mkdir", "rmdir"]) {
    assert.ok(hits.has(`tree ${kind}`), `tree ${kind} is no step of the story`);
  }
}

for (const story of [APPLIED, ROLLED_BACK]) {
  Deno.test(`killed at any step, a package of files still ends ${story.end}, exactly once`, async () => {
    const ground = await layGround();
    try {
      await killEverywhere(ground, story);
    } finally {
      await ground.close();
    }
  });
}
