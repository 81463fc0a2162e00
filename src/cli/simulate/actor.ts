/** Who plays the agent: this process, unless someone brings a program. */
import { hostname } from "node:os";
import { type Agent, startAgent } from "../../agent/agent.ts";
import { parseConfig } from "../../config/load.ts";
import type { ConfigInput } from "../../config/schema.ts";
import { systemRuntime } from "../../runtime_deno.ts";
import type { World } from "./world.ts";

export type Actor = Pick<Agent, "admin" | "port" | "stop">;

/**
 * Starts an agent on the world's state and clock.
 * @param changes replace whole keys of the written configuration; undefined takes one out
 * @param log takes each line of the agent's log
 */
export type Launch = (
  world: World,
  changes: Partial<ConfigInput>,
  log: (line: string) => void,
) => Promise<Actor>;

export const launchHere: Launch = (world, changes, log) => {
  const text = JSON.stringify({ ...world.written, ...changes });
  return startAgent(parseConfig(text, () => undefined, "connector.yaml"), {
    runtime: systemRuntime(world.clock),
    env: () => undefined,
    hostname: hostname(),
    writeLog: log,
  });
};
