/** `status` of a real agent: what it says is what the peers have. */
import assert from "node:assert/strict";
import type { Agent } from "../../src/agent/agent.ts";
import type { World } from "../../src/cli/simulate/world.ts";
import { AgentStatus } from "../../src/http/status.ts";
import { admin, isOk, start, until, withWorld } from "../fakes/agent_world.ts";
import { installDefinition, NAMESPACE } from "../fakes/kubernetes_journal.ts";

const statusOf = async (agent: Agent) => AgentStatus.strict().parse(await admin(agent, "/status"));

function streaming(world: World, changes: Partial<World["config"]> = {}): World {
  const queries = [
    { name: "queue", expr: "sim_queue_depth", step: 250 },
    { name: "wide", expr: "sim_wide", step: 250, maxSeries: 10 },
    { name: "requests", expr: 'sim_requests_total{instance="$node"}', step: 250, scope: "node" },
  ];
  const signals = { ...world.config.signals, queries };
  const config = { ...world.config, nodeName: "a", signals, ...changes } as World["config"];
  return { ...world, config };
}

Deno.test("status of an agent that acts alone speaks of registration, queries and audit log", () =>
  withWorld(async (world) => {
    const agent = await start(streaming(world));
    const { batches } = world.controlPlane.signals;
    const hasSent = (name: string) => batches.some(({ query }) => query.name === name);
    await until(() =>
      isOk(agent, "registration") && isOk(agent, "signals") &&
      ["queue", "wide", "requests"].every(hasSent)
    );
    await until(() => isOk(agent, "heartbeat"));
    const status = await statusOf(agent);
    assert.equal(status.leadership, "alone");
    assert.equal(status.cluster.id, world.controlPlane.registrations[0]!.clusterId);
    assert.notEqual(status.registered, null);
    assert.equal(status.node, null, "it has one standing for everything");
    assert.deepEqual(
      status.parts.map(({ name }) => name),
      agent.health.parts().map(({ name }) => name),
    );
    assert.deepEqual(status.queries.map(({ query, node }) => [query, node]), [
      ["queue", null],
      ["wide", null],
      ["requests", "a"],
    ]);
    const [queue, wide] = status.queries;
    assert.deepEqual([queue!.gaps, queue!.seriesDropped], [[], 0]);
    assert.deepEqual(wide!.gaps!.map(({ reason }) => reason), ["series_limit"]);
    assert.equal(wide!.seriesDropped, 54);
    for (const { newest, behindMs } of status.queries) {
      assert.ok(newest !== null && behindMs !== null);
    }
    assert.ok(status.audit.records > 0);
    assert.ok(status.audit.acknowledged !== null);
    assert.ok(status.audit.acknowledged <= status.audit.records);
    await agent.stop();
  }));

Deno.test("status is not ok when a part is degraded or stalled, and ok when one rests", () =>
  withWorld(async (world) => {
    const agent = await start(world);
    await until(() => agent.health.parts().every(({ state }) => state === "ok" || state === "off"));
    agent.health.report("extra", "off", "rests");
    assert.equal((await statusOf(agent)).ok, true);
    for (const state of ["degraded", "stalled"] as const) {
      agent.health.report("extra", state, "why");
      const { ok, parts } = await statusOf(agent);
      assert.equal(ok, false, state);
      assert.equal(parts.find(({ name }) => name === "extra")!.reason, "why");
    }
    await agent.stop();
  }));

Deno.test("status of a standby names the leader, and shows what it streams of its own node", () =>
  withWorld(async (world) => {
    await installDefinition(world.kubernetes.embedded!);
    const agentOn = (node: string) => {
      const journal = { namespace: NAMESPACE, secretName: "neuralops-journal-key" };
      const leaderElection = {
        namespace: NAMESPACE,
        name: "neuralops-connector",
        leaseDuration: 60_000,
        renewDeadline: 40_000,
        retryPeriod: 100,
      };
      const changed = streaming(world, {
        nodeName: node,
        stateDir: `${world.folder}/state-${node}`,
        kubernetes: { ...world.config.kubernetes, leaderElection, journal },
      } as Partial<World["config"]>);
      return start(changed, { hostname: node });
    };
    const first = await agentOn("a");
    await until(() => first.health.get("leadership")?.reason === "leads");
    const second = await agentOn("b");
    await until(() => isOk(first, "registration") && isOk(first, "node-registration"));
    await until(() => isOk(second, "leadership") && isOk(second, "node-registration"));
    const leader = await statusOf(first);
    assert.equal(leader.leadership, "leads");
    assert.ok(leader.registered !== null && leader.node!.registered !== null);
    assert.deepEqual(leader.queries.map(({ node }) => node), [null, null, "a"]);
    const standby = await statusOf(second);
    assert.equal(standby.leadership, "stands_by");
    assert.equal(standby.leader, leader.leader);
    assert.equal(standby.registered, null);
    assert.equal(standby.node!.name, "b");
    assert.notEqual(standby.node!.registered, null);
    assert.equal(standby.cluster.id, leader.cluster.id);
    assert.deepEqual(standby.queries.map(({ node }) => node), ["b"]);
    await second.stop();
    await first.stop();
  }));
