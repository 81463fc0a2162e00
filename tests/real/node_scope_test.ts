/**
 * Two agents, as their own processes with the permissions that they ship with, on two nodes that a real
 * Prometheus tells apart. The one that leads is killed: what each streams of its node has no hole.
 */
import assert from "node:assert/strict";
import { stringify } from "yaml";
import { freePort } from "../../scripts/testbed/ports.ts";
import { installDefinition, KEY_SECRET, NAMESPACE } from "../fakes/kubernetes_journal.ts";
import { poll } from "../contract/contract.ts";
import { AgentProcess } from "./agent_process.ts";
import { type Ground, writeConfig } from "./ground.ts";
import { programOf, realTest } from "./peers.ts";
import { RunningProgram } from "./process.ts";
import { type PrometheusSeries, type Range, untilReady } from "./prometheus_server.ts";
import { assertSamePoints, heldPoints, receivedPoints, receivedRange } from "./received.ts";
import { withGround } from "./running_agent.ts";
import { within } from "./waiting.ts";

const LIMIT_MS = 60_000;
const NODES = ["worker-a.example.com", "worker-b.example.com"] as const;
type Node = typeof NODES[number];
/** Changes with every scrape, so that a point of another time would be seen. */
const METRIC = "go_memstats_alloc_bytes_total";

/** It scrapes itself, once for each node. */
async function startPrometheus(folder: string) {
  await Deno.mkdir(folder);
  const port = freePort();
  const jobs = NODES.map((node) => ({
    job_name: node,
    static_configs: [{ targets: [`127.0.0.1:${port}`], labels: { node } }],
  }));
  const text = stringify({ global: { scrape_interval: "1s" }, scrape_configs: jobs });
  await Deno.writeTextFile(`${folder}/prometheus.yaml`, text);
  const server = new RunningProgram(programOf("prometheus"), {
    args: [
      `--config.file=${folder}/prometheus.yaml`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--storage.tsdb.path=${folder}/data`,
    ],
  });
  const close = async () => void await server.stop();
  await untilReady(server, close);
  const url = `http://127.0.0.1:${port}`;
  const held = async (expr: string, { startMs, endMs, stepMs }: Range) => {
    const query = new URLSearchParams({
      query: expr,
      start: String(startMs / 1000),
      end: String(endMs / 1000),
      step: String(stepMs / 1000),
    });
    const answer = await (await fetch(`${url}/api/v1/query_range?${query}`)).json();
    return answer.data.result as PrometheusSeries[];
  };
  // It begins to scrape some seconds after it is ready.
  try {
    await poll("both nodes are scraped", LIMIT_MS, async () => {
      const now = Math.floor(Date.now() / 1000) * 1000;
      const found = await held(METRIC, { startMs: now, endMs: now, stepMs: 1000 });
      return found.length === NODES.length;
    });
  } catch (error) {
    await close();
    throw error;
  }
  return { url, close, held };
}

/** As the chart does it: one configuration for all, and the name from the environment. */
async function startOn(ground: Ground, url: string, node: Node): Promise<AgentProcess> {
  const kubeconfig = await ground.write("kubeconfig", ground.kubernetes.kubeconfig());
  const config = await writeConfig(ground, {
    stateDir: `${ground.directory}/${node}`,
    prometheus: { url, allowPlainHttp: true },
    signals: {
      queries: [
        { name: "of-cluster", expr: `sum(${METRIC})`, step: "1s" },
        { name: "of-node", expr: `${METRIC}{node="$node"}`, step: "1s", scope: "node" },
      ],
      window: "2s",
      settle: "2s",
      startFrom: "5s",
    },
    kubernetes: {
      mode: "kubeconfig",
      kubeconfig,
      leaderElection: {
        namespace: NAMESPACE,
        leaseDuration: "3s",
        renewDeadline: "2s",
        retryPeriod: "500ms",
      },
      journal: { namespace: NAMESPACE, secretName: KEY_SECRET },
    },
  });
  const own = `${ground.directory}/${node}.yaml`;
  await Deno.rename(config, own);
  return AgentProcess.spawn(own, { NEURALOPS_NODE_NAME: node });
}

realTest(
  "nodes' metrics have no hole when the leader is killed",
  ["prometheus"],
  () =>
    withGround(async (ground) => {
      await installDefinition(ground.kubernetes);
      const { signals } = ground.controlPlane;
      const prometheus = await startPrometheus(`${ground.directory}/prometheus`);
      const windows = (query: string, node?: Node) =>
        signals.batches.filter((batch) => batch.query.name === query && batch.node === node).length;
      const until = (what: string, condition: () => boolean) =>
        within(LIMIT_MS, what, ground.controlPlane.until(condition));
      const running: AgentProcess[] = [];
      const start = async (node: Node) => {
        const agent = await startOn(ground, prometheus.url, node);
        running.push(agent);
        return agent;
      };
      const [a, b] = NODES;
      try {
        const first = await start(a);
        await until("a leads", () => windows("of-cluster") > 0);
        await start(b);
        await until("both stream", () => windows("of-node", a) > 2 && windows("of-node", b) > 2);
        assert.equal(
          ground.controlPlane.registrations.length,
          1,
          "only one stands for the cluster",
        );

        await first.kill();
        const [ofNode, ofCluster] = [windows("of-node", b), windows("of-cluster")];
        await until("b leads", () => windows("of-cluster") > ofCluster + 2);
        assert.ok(windows("of-node", b) > ofNode, "b's own went on");
        const before = windows("of-node", a);
        await start(a);
        await until("a is back", () => windows("of-node", a) > before + 2);

        for (const node of NODES) {
          const range = receivedRange(signals, "of-node", node);
          const held = heldPoints(await prometheus.held(`${METRIC}{node="${node}"}`, range));
          const received = receivedPoints(signals, "of-node", node);
          const compared = assertSamePoints(received, held, node);
          assert.ok(compared > 5, `${compared} points`);
          assert.deepEqual(
            signals.gaps.filter((gap) => gap.node === node),
            [],
          );
        }
        assert.deepEqual(
          new Set(ground.controlPlane.collectors.map(({ request }) => request.collector!.node)),
          new Set(NODES),
        );
      } finally {
        for (const agent of running) await agent.kill();
        await prometheus.close();
      }
    }),
);
