/** Kills the process at every step of two whole stories; what is restarted must end as if nothing had been. */
import assert from "node:assert/strict";
import { runAuditVerify } from "../../src/cli/audit.ts";
import { comparable } from "../../src/core/diff.ts";
import { type ExecutionRecord, isOpen } from "../../src/core/execution.ts";
import { type KubeObject, managedFieldsOf } from "../../src/core/kubernetes_object.ts";
import {
  EXECUTION_STATES,
  type ExecutionState,
  type ReceiptPayload,
} from "../../src/core/protocol.ts";
import { isSettled } from "../../src/core/receipt.ts";
import { ReplayedError } from "../../src/execution/intake.ts";
import { nameBytes } from "../../src/execution/stages.ts";
import { systemFiles } from "../../src/runtime_deno/files.ts";
import { wrapCluster } from "../fakes/cluster_wrap.ts";
import { Crashed, CrashSwitch, type Fault } from "../fakes/crash_switch.ts";
import {
  addNamespace,
  applyAction,
  AUTO_POLICY,
  configMap,
  deployment,
  deploymentRef,
  type Ground,
  layGround,
  MANUAL_POLICY,
  packageOf,
  payloadOf,
  readAudit,
  recordsOf,
  send,
  Stand,
} from "../fakes/execution_stand.ts";

const PARALLEL = 8;
const ENDS = EXECUTION_STATES.filter((state) => !isOpen(state));
const CLUSTER_WRITE = /^(apply|merge|delete|create)$/;

interface Story {
  readonly policy: string;
  readonly end: ExecutionState;
  actions(namespace: string): string[];
}

const STEPS = (namespace: string) => [
  applyAction(configMap("made", { a: "1" }, namespace)),
  applyAction(
    deployment("changed", "changed:1", 2, namespace)
      .replace("metadata: { labels:", "metadata: { annotations: { release: r2 }, labels:"),
  ),
  `    - scale: { ref: ${deploymentRef("scaled", namespace)}, replicas: 5 }`,
  `    - restart: { ref: ${deploymentRef("restarted", namespace)} }`,
  `    - delete: { refs: [{ apiVersion: v1, kind: ConfigMap, namespace: ${namespace}, name: doomed }] }`,
];

const APPLIED: Story = { end: "succeeded", policy: MANUAL_POLICY, actions: STEPS };
/** Planned while it is put on record, and begun with the same write that says so. */
const AT_ONCE: Story = { ...APPLIED, policy: AUTO_POLICY };
const ROLLED_BACK: Story = {
  policy: MANUAL_POLICY,
  end: "rolled_back",
  actions: (namespace) => [
    ...STEPS(namespace).filter((action) => !action.includes("restart")),
    applyAction(deployment("never", "never:broken", 1, namespace)),
  ],
};

/** One namespace and one state directory: what a run touches, and no other run. */
interface World {
  readonly ground: Ground;
  readonly namespace: string;
  readonly directory: string;
  readonly bytes: Uint8Array;
  readonly id: string;
  readonly policy: string;
  /** What reached the control plane, by key. */
  readonly received: Map<string, ReceiptPayload>;
}

function layWorld(ground: Ground, story: Story, name: string): World {
  const namespace = `shop-${name}`;
  addNamespace(ground.kubernetes, namespace);
  const put = (object: unknown) => ground.kubernetes.store.put(object as KubeObject, "kubectl");
  for (const app of ["changed", "scaled", "restarted"]) {
    put({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: app, namespace },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app } },
        template: {
          metadata: { labels: { app } },
          spec: { containers: [{ name: "app", image: `${app}:1` }] },
        },
      },
    });
  }
  put({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "doomed", namespace },
    data: { keep: "me" },
  });
  const bytes = packageOf({
    actions: story.actions(namespace).join("\n"),
    stream: `crash-${name}`,
    timeout: "20s",
  });
  const { id } = nameBytes(bytes);
  return {
    ground,
    namespace,
    directory: `${ground.directory}/${name}`,
    bytes,
    id,
    policy: story.policy,
    received: new Map(),
  };
}

/** Everything in the namespace, without what differs from run to run: names of the run, times, uids. */
function snapshot({ ground, namespace, id }: World): unknown {
  const objects = ["Deployment", "ConfigMap"].flatMap((kind) =>
    ground.kubernetes.store.list(kind === "Deployment" ? "apps/v1" : "v1", kind, namespace)
  ) as unknown as KubeObject[];
  const kept = objects.map((object) => ({
    object: comparable(object),
    generation: object.metadata.generation,
    owners: managedFieldsOf(object)
      .map(({ time: _time, ...entry }) => JSON.stringify(entry)).sort(),
  }));
  return JSON.parse(JSON.stringify(kept).replaceAll(namespace, "NS").replaceAll(id, "ID"));
}

/** Opens a process whose every step counts; asserts that nothing is written before it is on record. */
async function openStand(world: World, crash: CrashSwitch): Promise<Stand> {
  const { ground, directory, id, policy } = world;
  return await Stand.open(ground, {
    directory,
    policy,
    files: crash.files(systemFiles),
    wrapCluster: (cluster) =>
      crash.cluster(wrapCluster(cluster, (call, next) => {
        const isAllowed = !call.isWrite || isAnnounced(directory, id);
        assert.ok(isAllowed, "written before the audit log said so");
        return next();
      })),
  });
}

function isAnnounced(directory: string, id: string): boolean {
  return [...Deno.readDirSync(`${directory}/audit`)].some(({ name }) =>
    Deno.readTextFileSync(`${directory}/audit/${name}`).split("\n").some((line) =>
      line.includes('"type":"execution.applying"') && line.includes(id) && line.endsWith("}")
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
  const { directory, ground, received } = world;
  const problems: string[] = [];
  const io = {
    print: () => {},
    printError: (line: string) => problems.push(line),
    readFile: () => Promise.resolve(null),
    files: systemFiles,
  };
  const source = { directory: `${directory}/audit` };
  assert.equal(
    await runAuditVerify({ source, checkpoints: [], output: "text" }, io),
    0,
    `${problems}`,
  );

  const moves = (await readAudit(directory)).map(({ type }) => type)
    .filter((type) => type.startsWith("execution."));
  assert.equal(moves.at(-1), `execution.${story.end}`);

  const stand = await Stand.open(ground, { directory });
  try {
    const outcomes = [...received.values()].filter(({ code }) => code !== "replayed");
    const pending = story.policy === MANUAL_POLICY ? ["pending_approval"] : [];
    assert.deepEqual(outcomes.map(({ state }) => state), [...pending, story.end]);
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
function assertTidy({ directory }: World, { id, preimagesDigest }: ExecutionRecord): void {
  const names = (folder: string) =>
    [...Deno.readDirSync(`${directory}/executions/${folder}`)].map(({ name }) => name);
  assert.equal(preimagesDigest, null);
  for (const folder of ["ended", "packages"]) assert.deepEqual(names(folder), [`${id}.json`]);
  for (const folder of ["open", "preimages"]) assert.deepEqual(names(folder), [], folder);
}

async function killEverywhere(ground: Ground, story: Story, label: string): Promise<void> {
  const undisturbed = layWorld(ground, story, `${label}-0`);
  const whole = new CrashSwitch();
  assert.equal((await live(undisturbed, whole))?.state, story.end);
  await assertTrace(undisturbed, story);
  const expected = snapshot(undisturbed);

  /** Whether the fault was met before the story was over. */
  const killAt = async (step: number, fault: Fault): Promise<boolean> => {
    const world = layWorld(ground, story, `${label}-${step}-${fault}`);
    const first = new CrashSwitch(step, fault);
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
  await Promise.all(Array.from({ length: PARALLEL }, worker));

  const points = [...hits.values()].reduce((sum, count) => sum + count, 0);
  assert.ok(points >= whole.steps.length - PARALLEL, `only ${points} of ${whole.steps.length}`);
  for (const kind of new Set(whole.steps)) assert.ok(hits.has(kind), `${kind} was never hit`);
  const list = [...hits].map(([kind, count]) => `${kind} ×${count}`).join(", ");
  await Deno.stdout.write(new TextEncoder().encode(`killed at ${points} points: ${list}\n`));
}

const STORIES = [
  ["up", "a package", APPLIED],
  ["back", "a package", ROLLED_BACK],
  ["at-once", "a package that needs no person", AT_ONCE],
] as const;
for (const [label, who, story] of STORIES) {
  Deno.test(`killed at any step, ${who} still ends ${story.end}, exactly once`, async () => {
    const ground = await layGround({ rolloutMs: 1, progressDeadlineMs: 5 });
    try {
      await killEverywhere(ground, story, label);
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
