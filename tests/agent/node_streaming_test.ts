/** Queries with scope node: every agent streams its own node's, whoever leads. */
import assert from "node:assert/strict";
import type { Agent } from "../../src/agent/agent.ts";
import type { World } from "../../src/cli/simulate/world.ts";
import { RemoteWrite } from "../../src/config/remote_write.ts";
import { isOk, start, until, withWorld } from "../fakes/agent_world.ts";
import { installDefinition, NAMESPACE } from "../fakes/kubernetes_journal.ts";
import { startReceiver } from "../fakes/remote_write_receiver.ts";
import { acknowledgedMs, assertTiles, untilWhole, windowsOf } from "../fakes/sent_windows.ts";

/** Long enough for a slow machine: no test waits for a lease to run out. */
const ELECTION = {
  namespace: NAMESPACE,
  name: "neuralops-connector",
  leaseDuration: 60_000,
  renewDeadline: 40_000,
  retryPeriod: 100,
};
const EXPR = 'sim_requests_total{instance="$node"}';

const withCluster = (work: (world: World) => Promise<void>) =>
  withWorld(async (world) => {
    await installDefinition(world.kubernetes.embedded!);
    await work(world);
  });

/** The agent of a node: of `a` or `b`, which the embedded Prometheus has as instances. */
async function startOn(world: World, node: string, isOneOfMany = true): Promise<Agent> {
  const { config } = world;
  const queries = [
    { name: "queue", expr: "sim_queue_depth", step: 250 },
    { name: "requests", expr: EXPR, step: 250, scope: "node" },
  ];
  const changed = {
    ...config,
    nodeName: node,
    stateDir: `${world.folder}/state-${node}`,
    signals: { ...config.signals, queries },
    kubernetes: {
      ...config.kubernetes,
      ...(isOneOfMany ? { leaderElection: ELECTION } : {}),
      journal: { namespace: NAMESPACE, secretName: "neuralops-journal-key" },
    },
  } as World["config"];
  return await start({ ...world, config: changed }, { hostname: node });
}

const standing = (agent: Agent) => agent.health.get("leadership")?.reason ?? "";
const leads = (agent: Agent) => standing(agent) === "leads";
const standsBy = (agent: Agent) => /^stands by; .+ leads$/.test(standing(agent));
const folderOf = ({ folder }: World, node: string) => `${folder}/state-${node}/nodes/${node}`;
const requestsOf = (world: World, node: string) => ({ world, query: "requests", node });

/** Whose log a checkpoint is of: its first line. */
const originOf = (note: string) => note.slice(0, note.indexOf("\n"));

/** All that is settled of a node came, of that node alone. */
function assertHolds(world: World, node: string, folder = folderOf(world, node)): void {
  const { controlPlane, prometheus } = world;
  assertTiles(requestsOf(world, node), folder);
  const settledMs = acknowledgedMs(folder, "requests");
  const points = controlPlane.signals.points("requests", node)
    .filter(({ timestampMs }) => timestampMs <= settledMs);
  assert.deepEqual(new Set(points.map(({ labels }) => labels["instance"])), new Set([node]));
  const firstMs = windowsOf(world, "requests", node)[0]!.startMs;
  const expr = EXPR.replace("$node", node);
  const expected = prometheus.embedded!.expected(expr, firstMs, settledMs, 250)
    .reduce((count, { values }) => count + values.length, 0);
  assert.equal(points.length, expected);
}

Deno.test("leader and standby stream their nodes, the leader alone the cluster, across a takeover", () =>
  withCluster(async (world) => {
    const { controlPlane } = world;
    const a = await startOn(world, "a");
    await until(() => leads(a) && isOk(a, "registration"));
    const b = await startOn(world, "b");
    await until(() => standsBy(b));
    const enough = () =>
      windowsOf(world, "requests", "a").length > 1 && windowsOf(world, "requests", "b").length > 1;
    await until(() => enough() && windowsOf(world, "queue").length > 1);
    await until(() => isOk(b, "node-heartbeat"));

    assert.equal(b.health.get("registration"), undefined, "a standby does not register");
    assert.equal(b.health.get("signals"), undefined, "nor stream for the cluster");
    assert.ok(isOk(b, "node-registration") && isOk(b, "node-signals"));
    const keys = new Set(controlPlane.registrations.map(({ keyId }) => keyId));
    assert.equal(keys.size, 1);
    const collectors = () => controlPlane.collectors.map(({ request }) => request.collector!.node);
    assert.deepEqual(collectors().sort(), ["a", "b"]);
    const lagOf = (node: string) =>
      controlPlane.nodeHeartbeats.findLast(({ heartbeat }) => heartbeat.node === node)?.heartbeat
        .signals;
    await until(() => (lagOf("b")?.[0]?.acknowledgedMs ?? 0) > 0);
    assert.deepEqual(lagOf("b")!.map(({ query }) => query), ["requests"]);
    assert.deepEqual(
      new Set(
        controlPlane.heartbeats.flatMap(({ heartbeat }) =>
          heartbeat.signals.map(({ query }) => query)
        ),
      ),
      new Set(["queue"]),
    );

    await untilWhole(requestsOf(world, "a"), folderOf(world, "a"));
    await a.stop();
    await until(() => leads(b) && isOk(b, "registration"));
    const before = windowsOf(world, "requests", "b").length;
    const cluster = windowsOf(world, "queue").length;
    await until(() =>
      windowsOf(world, "requests", "b").length > before + 1 &&
      windowsOf(world, "queue").length > cluster + 1
    );
    assert.deepEqual(collectors().sort(), ["a", "b"], "the node's standing went on");
    assert.ok(isOk(b, "node-signals"));
    await untilWhole(requestsOf(world, "b"), folderOf(world, "b"));
    await b.stop();

    assert.equal(windowsOf(world, "requests").length, 0, "every batch of a node says so");
    assertHolds(world, "a");
    assertHolds(world, "b");
    assert.deepEqual(controlPlane.signals.gaps, []);
    assert.equal(controlPlane.signals.changedPoints, 0);
  }));

Deno.test("a node's heartbeat carries the head of the audit log only while its process does not lead", () =>
  withCluster(async (world) => {
    const { controlPlane } = world;
    const headsOf = (beats: typeof controlPlane.heartbeats) =>
      beats.map(({ heartbeat: { audit } }) => audit && originOf(audit.checkpoint));
    const ofNode = (node: string) =>
      headsOf(controlPlane.nodeHeartbeats.filter(({ heartbeat }) => heartbeat.node === node));
    const ofCluster = () => headsOf(controlPlane.heartbeats);
    /** What is sent from now on; the first may have been made before. */
    const next = async (heads: () => ReturnType<typeof headsOf>) => {
      const count = heads().length;
      await until(() => heads().length > count + 1);
      return new Set(heads().slice(count + 1));
    };
    const a = await startOn(world, "a");
    await until(() => leads(a) && isOk(a, "heartbeat") && isOk(a, "node-heartbeat"));
    const b = await startOn(world, "b");
    await until(() => standsBy(b) && isOk(b, "node-heartbeat"));
    const sides = [() => ofNode("a"), () => ofNode("b"), ofCluster] as const;
    const [fromA, fromB, fromCluster] = await Promise.all(sides.map(next));
    const [[byStandby], [byLeader]] = [fromB!, fromCluster!];
    assert.deepEqual([...fromA!], [null], "the cluster's heartbeat carries the leader's");
    assert.ok(byLeader && byStandby && byLeader !== byStandby && fromB!.size === 1);

    await a.stop();
    await until(() => leads(b) && isOk(b, "heartbeat"));
    const [node, cluster] = await Promise.all(sides.slice(1).map(next));
    assert.deepEqual([...node!], [null], "it leads now");
    assert.deepEqual([...cluster!], [byStandby], "so its head goes the other way");
    await b.stop();
  }));

Deno.test("an agent that stands for its cluster alone streams its node under that standing", () =>
  withCluster(async (world) => {
    const { controlPlane } = world;
    const agent = await startOn(world, "a", false);
    await until(() => windowsOf(world, "requests", "a").length > 1);
    await until(() =>
      controlPlane.heartbeats.some(({ heartbeat }) =>
        heartbeat.signals.some(({ query, acknowledgedMs }) =>
          query === "requests" && acknowledgedMs
        )
      )
    );
    assert.equal(controlPlane.collectors.length, 0);
    assert.equal(controlPlane.nodeHeartbeats.length, 0);
    await untilWhole(requestsOf(world, "a"), folderOf(world, "a"));
    await agent.stop();
    assertHolds(world, "a");
  }));

Deno.test("an agent whose volume comes to another node begins there, and does not go on from the first", () =>
  withCluster(async (world) => {
    const { config } = world;
    const folderOn = (node: string) => `${config.stateDir}/nodes/${node}`;
    const onNode = async (node: string) => {
      const queries = [{ name: "requests", expr: EXPR, step: 250, scope: "node" }];
      const changed = { ...config, nodeName: node, signals: { ...config.signals, queries } };
      const before = windowsOf(world, "requests", node).length;
      const agent = await start({ ...world, config: changed as World["config"] });
      await until(() => windowsOf(world, "requests", node).length > before);
      await untilWhole(requestsOf(world, node), folderOn(node));
      await agent.stop();
    };
    await onNode("a");
    const leftMs = acknowledgedMs(folderOn("a"), "requests");
    await onNode("b");
    assert.equal(acknowledgedMs(folderOn("a"), "requests"), leftMs);
    await onNode("a");
    assert.ok(acknowledgedMs(folderOn("a"), "requests") > leftMs);
    assertHolds(world, "a", folderOn("a"));
    assertHolds(world, "b", folderOn("b"));
  }));

Deno.test("notes of what is being sent for a node lie with that node's cursors, not with the cluster's", () =>
  withCluster(async (world) => {
    const receiver = await startReceiver(world.pki);
    try {
      const remoteWrite = RemoteWrite.parse({
        url: `${receiver.server.url}/api/v1/write`,
        caFile: `${world.folder}/ca.pem`,
      });
      const { config } = world;
      const queries = [
        { name: "queue", expr: "sim_queue_depth", step: 250 },
        { name: "requests", expr: EXPR, step: 250, scope: "node" },
      ];
      const signals = { ...config.signals, sink: "remoteWrite", queries };
      const changed = { ...config, nodeName: "a", remoteWrite, signals } as World["config"];
      const ofNode = `${config.stateDir}/nodes/a`;
      const agent = await start({ ...world, config: changed });
      const has = (name: string) => [...receiver.kept.keys()].some((key) => key.includes(name));
      await until(() => has("sim_queue_depth") && has("sim_requests_total"));
      await agent.stop();
      const notesIn = (folder: string) =>
        [...Deno.readDirSync(`${folder}/sending`)].map(({ name }) => name);
      assert.deepEqual(notesIn(config.stateDir), ["queue.json"]);
      assert.deepEqual(notesIn(ofNode), ["requests.json"]);
    } finally {
      await receiver.server.close();
    }
  }));
