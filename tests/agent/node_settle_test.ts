import assert from "node:assert/strict";
import type { Config } from "../../src/config/schema.ts";
import { parseConfig } from "../../src/config/load.ts";
import type { Control, Standing } from "../../src/agent/control.ts";
import { streamingOfNode } from "../../src/agent/node_streaming.ts";
import type { SignalsStreamer } from "../../src/loops/signals.ts";
import type { SignalsDeps } from "../../src/loops/signals_ports.ts";

function configOf(node: string | undefined, queries: object[]): Config {
  const document = {
    clusterName: "c",
    ...(node === undefined ? {} : { nodeName: node }),
    controlPlane: { url: "https://control.example" },
    vault: { address: "https://vault.example", auth: { method: "token" } },
    prometheus: { url: "https://p" },
    signals: { queries, settle: "30s", window: "1m" },
  };
  return parseConfig(JSON.stringify(document), () => undefined, "test");
}

interface Opened {
  readonly folder: string;
  readonly special: Pick<SignalsDeps, "config" | "node">;
  readonly standing: Standing;
}

/** What a node's streamer would be opened with. */
function open(config: Config, isOneOfMany = true) {
  const collector = {} as Standing;
  const control = { asCollector: () => collector } as unknown as Control;
  const opened: Opened[] = [];
  const streaming = streamingOfNode(config, control, isOneOfMany, (standing, folder, special) => {
    opened.push({ standing, folder, special });
    return {} as SignalsStreamer;
  });
  return { streaming, control, collector, opened };
}

const OF_NODE = { name: "load", expr: 'node_load1{node=~"$node"}', scope: "node" };

Deno.test("a node asks for its own series, later than the settle delay by its own part of a window", () => {
  const [a, b] = ["worker-1.example.com", "worker-2.example.com"].map((node) => {
    const { opened: [only], collector } = open(
      configOf(node, [OF_NODE, { name: "up", expr: "up" }]),
    );
    assert.equal(only!.standing, collector);
    assert.equal(only!.special.node, node);
    assert.match(only!.folder, new RegExp(`/nodes/${node}$`));
    const { queries, settle } = only!.special.config;
    const regex = node.replaceAll(".", "\\\\.");
    assert.deepEqual(queries.map(({ expr }) => expr), [`node_load1{node=~"${regex}"}`]);
    assert.ok(settle >= 30_000 && settle < 90_000);
    return settle;
  });
  assert.notEqual(a, b);
});

Deno.test("without a query of nodes there is nothing to stream of one, nor anyone to register", () => {
  assert.equal(open(configOf("worker-1", [{ name: "up", expr: "up" }])).streaming, null);
});

Deno.test("an agent alone sends its node's batches under the cluster's standing", () => {
  const { streaming, control } = open(configOf("worker-1", [OF_NODE]), false);
  assert.equal(streaming!.standing, control);
  assert.equal(streaming!.isCollector, false);
});

Deno.test("a query of nodes is refused where nobody says which node this is", () => {
  const hint = /nodeName or NEURALOPS_NODE_NAME/;
  const refused = { code: "config_invalid", message: /load has scope node/, hint };
  assert.throws(() => open(configOf(undefined, [OF_NODE])), refused);
  assert.equal(open(configOf(undefined, [{ name: "up", expr: "up" }])).streaming, null);
});
