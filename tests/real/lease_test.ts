/**
 * Two agents, one Lease on a real API server, killed and paused at random for two minutes. Who wrote when
 * is read from the API server's audit log, in etcd's order: nobody ever wrote who did not hold the Lease.
 */
import assert from "node:assert/strict";
import { print } from "../../scripts/testbed/print.ts";
import type { RunningKubernetes } from "../../scripts/testbed/services/kubernetes.ts";
import { isOpen } from "../../src/core/execution.ts";
import { EXECUTION_STATES } from "../../src/core/protocol.ts";
import type { KeySigner } from "../../src/embedded/signer.ts";
import { systemClock } from "../../src/runtime_deno.ts";
import { poll } from "../contract/contract.ts";
import { cli } from "./agent_process.ts";
import { judgeChanges, readChanges } from "./api_audit.ts";
import { type Ground } from "./ground.ts";
import { kubectl } from "./kubectl.ts";
import { push, type PushAnswer, registeredCluster } from "./orchestrator.ts";
import { configMap, workPackage } from "./package.ts";
import { realTest, testbed } from "./peers.ts";
import { LEASE, Rival } from "./rival.ts";
import { trustNewSigner, withGround } from "./running_agent.ts";
import { clearJournal, readExecutions } from "./shared_journal.ts";

const FENCE = "docs/examples/lease-fence.yaml";
const CHAOS_MS = 60_000;
const LIMIT_MS = 30_000;
const PUSH_EVERY_MS = 250;
const PUSH_LIMIT_MS = 1500;
const ENDS: readonly string[] = EXECUTION_STATES.filter((state) => !isOpen(state));
const clock = systemClock();
const POLICY = `apiVersion: neuralops.io/v1
kind: ExecutionPolicy
mode: auto
auto: { maxRisk: low, namespaces: [shop], actions: [apply] }
allow:
  - { name: shop, namespaces: [shop], kinds: [v1/ConfigMap], actions: [apply] }
`;

realTest("two agents never write at once, however they are killed and paused", [
  "Kubernetes",
  "kubectl",
], () =>
  withGround(async (ground) => {
    const cluster = testbed.kubernetes!;
    await kubectl(cluster, "apply", "-f", FENCE);
    await clearJournal(cluster);
    const before = (await readChanges(cluster)).at(-1)?.revision ?? 0;
    const { signer, trust } = await trustNewSigner(ground);
    const execution = { policyFile: await ground.write("auto.yaml", POLICY) };
    const rivals: Rival[] = [];
    try {
      for (const name of ["connector-a", "connector-b"]) {
        rivals.push(await Rival.start(ground, cluster, name, { trust, execution }));
      }
      const orchestrator = new Orchestrator(ground, signer, await registeredCluster(ground));
      const chaos = new AbortController();
      const pushing = orchestrator.run(rivals, chaos.signal);
      await disturb(rivals, orchestrator, chaos.signal);
      chaos.abort();
      await pushing;
      await assertLastSucceeds(ground, orchestrator, rivals);
      await assertAllEnded(cluster, orchestrator);
      await assertNothingRunsTwice(cluster, orchestrator, rivals);
      for (const rival of rivals) assert.equal(await rival.stop(), 0, rival.name);
      await assertRule(cluster, before, orchestrator.taken.size);
      for (const { stateDir } of rivals) {
        const { code, stdout, stderr } = await cli("audit", "verify", `${stateDir}/audit`);
        assert.equal(code, 0, stdout + stderr);
      }
    } finally {
      for (const rival of rivals) {
        rival.resume();
        await rival.kill();
      }
      await kubectl(cluster, "delete", "lease", "-n", LEASE.namespace, LEASE.name);
      await kubectl(cluster, "delete", "configmap", "-n", "shop", "race", "--ignore-not-found");
      await clearJournal(cluster);
    }
  }));

/** Kills one, pauses one or both, lets them be for a while; from a seed that is printed. Mostly the leader. */
async function disturb(
  rivals: readonly Rival[],
  orchestrator: Orchestrator,
  signal: AbortSignal,
): Promise<void> {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  print(`seed ${seed}`);
  const random = generator(seed);
  const pass = (fromMs: number, toMs: number) =>
    clock.sleep(fromMs + random() * (toMs - fromMs), signal);
  const end = Date.now() + CHAOS_MS;
  while (Date.now() < end) {
    const anyone = rivals[random() < 0.5 ? 0 : 1]!;
    const victim = random() < 0.75 ? orchestrator.leader ?? anyone : anyone;
    const choice = random();
    if (choice < 0.35) {
      await victim.kill();
      await pass(0, 6000);
      victim.restart();
    } else {
      const paused = choice < 0.5 ? rivals : [victim];
      for (const rival of paused) rival.pause();
      await pass(200, 8000);
      for (const rival of paused) rival.resume();
    }
    await pass(300, 4000);
  }
}

/** Sends package after package to both; whoever leads takes it. */
class Orchestrator {
  readonly taken = new Map<string, Uint8Array<ArrayBuffer>>();
  /** Who took the last package. */
  leader: Rival | null = null;
  #sent = 0;

  constructor(
    private readonly ground: Ground,
    private readonly signer: KeySigner,
    private readonly clusterId: string,
  ) {}

  async run(rivals: readonly Rival[], signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.sendNext(rivals);
      await clock.sleep(PUSH_EVERY_MS, signal).catch(() => {});
    }
  }

  /** The execution's id; null when nobody took it. */
  async sendNext(rivals: readonly Rival[]): Promise<string | null> {
    this.#sent += 1;
    const manifest = configMap("race", { n: String(this.#sent) });
    const bytes = workPackage({ clusterId: this.clusterId, manifest });
    for (const rival of rivals) {
      const port = await rival.port().catch(() => null);
      const id = port === null ? null : await this.#send(port, bytes).catch(() => null);
      if (id === null) continue;
      this.taken.set(id, bytes);
      this.leader = rival;
      return id;
    }
    return null;
  }

  /** Offers a package that was taken once more; what the leader says to it. */
  async offerAgain(rivals: readonly Rival[], id: string): Promise<PushAnswer | null> {
    const bytes = this.taken.get(id)!;
    for (const rival of rivals) {
      const answer = await this.#push((await rival.port())!, bytes);
      if (answer.body["code"] !== "not_leader") return answer;
    }
    return null;
  }

  async #push(port: number, bytes: Uint8Array<ArrayBuffer>): Promise<PushAnswer> {
    const limit = AbortSignal.timeout(PUSH_LIMIT_MS);
    return await push(this.ground, port, bytes, this.signer.sign(bytes), limit);
  }

  async #send(port: number, bytes: Uint8Array<ArrayBuffer>): Promise<string | null> {
    const { status, body } = await this.#push(port, bytes);
    return status === 202 ? body["executionId"] as string : null;
  }
}

/** Once they are left alone, work goes on. */
async function assertLastSucceeds(
  { controlPlane }: Ground,
  orchestrator: Orchestrator,
  rivals: readonly Rival[],
): Promise<void> {
  for (const rival of rivals) assert.ok(rival.isRunning, `${rival.name} has ended`);
  await poll("a package succeeds", LIMIT_MS, async () => {
    const id = await orchestrator.sendNext(rivals);
    const isDone = () =>
      controlPlane.receipts.some(({ payload }) =>
        payload.executionId === id && payload.state === "succeeded"
      );
    const limit = AbortSignal.timeout(PUSH_LIMIT_MS);
    while (id !== null && !isDone() && !limit.aborted) await clock.sleep(20, limit).catch(() => {});
    return isDone();
  });
}

/** What any of them took has ended, whoever died meanwhile, and ended by its record. */
async function assertAllEnded(cluster: RunningKubernetes, { taken }: Orchestrator): Promise<void> {
  let open: string[] = [];
  await poll("every execution ends", LIMIT_MS, async () => {
    const executions = new Map(
      (await readExecutions(cluster)).map((one) => [one.metadata.name, one]),
    );
    open = [...taken.keys()].filter((id) => !ENDS.includes(executions.get(id)?.status.state ?? ""))
      .map((id) => JSON.stringify(executions.get(id)?.status ?? `${id} is gone`));
    return open.length === 0;
  }).catch((cause) => {
    throw new Error(open.join("\n"), { cause });
  });
}

/** Most were taken by an agent that has died since, and are offered to the one that leads now. */
async function assertNothingRunsTwice(
  cluster: RunningKubernetes,
  orchestrator: Orchestrator,
  rivals: readonly Rival[],
): Promise<void> {
  const read = () => kubectl(cluster, "-n", "shop", "get", "configmap", "race", "-o", "yaml");
  const before = await read();
  for (const id of orchestrator.taken.keys()) {
    const answer = await orchestrator.offerAgain(rivals, id);
    assert.equal(answer?.body["code"], "replayed", JSON.stringify(answer));
  }
  assert.equal(await read(), before, "something was written again");
}

async function assertRule(cluster: RunningKubernetes, before: number, accepted: number) {
  const changes = (await readChanges(cluster)).filter(({ revision }) => revision > before);
  const rule = judgeChanges(changes, `${LEASE.namespace}/${LEASE.name}`);
  const [a = 0, b = 0] = ["connector-a", "connector-b"].map((user) => rule.writes.get(user));
  print(`${rule.takeovers} takeovers, ${accepted} packages accepted, ${a} + ${b} writes`);
  assert.deepEqual(rule.breaches, []);
  assert.ok(rule.takeovers >= 3, `only ${rule.takeovers} takeovers`);
  assert.ok(a > 0 && b > 0, "one of them never wrote");
}

/** mulberry32: the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
