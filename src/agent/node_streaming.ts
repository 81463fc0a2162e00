/**
 * Queries with scope node. Every agent asks for its own node, whoever leads. It sends them under a
 * standing of its node's own, so that they go on when it begins or ceases to lead.
 */
import type { Config } from "../config/schema.ts";
import { nodeOffsetMs } from "../core/signals/node_scope.ts";
import { queryOfNode } from "../core/signals/selection/selected_query.ts";
import { StalledError } from "../errors.ts";
import type { SignalsStreamer } from "../loops/signals.ts";
import type { SignalsDeps } from "../loops/signals_ports.ts";
import type { Control, Standing } from "./control.ts";

export interface NodeStreaming {
  readonly node: string;
  readonly streamer: SignalsStreamer;
  /** By which it is sent. */
  readonly standing: Standing;
  /** Whether that standing is this node's own, and not the cluster's. */
  readonly isCollector: boolean;
}

type OpenStreamer = (
  standing: Standing,
  folder: string,
  special: Pick<SignalsDeps, "config" | "node" | "part" | "maxConcurrent">,
) => SignalsStreamer;

/**
 * Not the schema's to ask for: one file is there for all nodes, and is read elsewhere as well.
 * Throws StalledError `config_invalid` where queries need a node's name, and there is none.
 */
export function assertNodeIsNamed({ nodeName, signals }: Pick<Config, "nodeName" | "signals">) {
  const ofNode = signals.queries.find(({ scope }) => scope === "node");
  if (!ofNode || nodeName !== undefined) return;
  throw new StalledError(
    "config_invalid",
    `signals.queries: ${ofNode.name} has scope node, but nodeName does not say which node this is`,
    {
      hint:
        "set nodeName or NEURALOPS_NODE_NAME to the name of the node that this agent runs on; " +
        "the chart does with mode daemonset",
    },
  );
}

/**
 * null without queries with scope node. Throws StalledError `config_invalid` without a node's name.
 * @param isOneOfMany whether other agents stand for the same cluster
 * @param open a streamer that keeps its state in a folder
 */
export function streamingOfNode(
  named: Pick<Config, "nodeName" | "stateDir" | "signals">,
  control: Control,
  isOneOfMany: boolean,
  open: OpenStreamer,
): NodeStreaming | null {
  assertNodeIsNamed(named);
  const { nodeName: node, stateDir, signals } = named;
  const queries = signals.queries.filter(({ scope }) => scope === "node");
  if (queries.length === 0 || node === undefined) return null;
  const standing = isOneOfMany ? control.asCollector(node) : control;
  const config = {
    ...signals,
    queries: queries.map((query) => queryOfNode(query, node)),
    // All nodes' windows end at the same moment: each asks at a moment of its own after it.
    settle: signals.settle + nodeOffsetMs(node, signals.window),
  };
  // By node: a volume that comes to another node must not have that one go on where this one was.
  const folder = `${stateDir}/nodes/${node}`;
  const special = { config, node, part: "node-signals", maxConcurrent: 1 };
  return { node, standing, isCollector: isOneOfMany, streamer: open(standing, folder, special) };
}
