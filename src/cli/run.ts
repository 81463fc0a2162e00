/** `run`: the agent, until a signal or a bug ends it. */
import { startAgent } from "../agent/agent.ts";
import type { Surroundings } from "../agent/foundation.ts";
import { MAX_CONFIG_BYTES, parseConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { describeError, StalledError } from "../errors.ts";
import type { ExitCode } from "./io.ts";

export const DEFAULT_STATE_DIR = "/var/lib/neuralops-connector";
export const DEFAULT_CONFIG = "/etc/neuralops-connector/connector.yaml";

/** Throws StalledError `config_invalid`. */
export async function loadConfig(
  path: string,
  { runtime, env }: Pick<Surroundings, "runtime" | "env">,
): Promise<Config> {
  const hint = "name one with --config or NEURALOPS_CONFIG; docs/configuration.md has an example";
  let bytes: Uint8Array | null;
  try {
    bytes = await runtime.files.read(path, MAX_CONFIG_BYTES);
  } catch (cause) {
    const message = `Cannot read the configuration file ${path}: ${describeError(cause)}`;
    throw new StalledError("config_invalid", message, { cause, hint });
  }
  if (bytes) return parseConfig(bytes, env, path);
  throw new StalledError("config_invalid", `There is no configuration file ${path}`, { hint });
}

/** @param stopped resolves when the process is asked to stop */
export async function run(
  configPath: string,
  surroundings: Surroundings,
  stopped: Promise<void>,
): Promise<ExitCode> {
  const agent = await startAgent(await loadConfig(configPath, surroundings), surroundings);
  let exitCode: ExitCode = 0;
  try {
    await Promise.race([stopped, agent.finished]);
  } catch {
    // The agent has logged what failed.
    exitCode = 1;
  }
  await agent.stop();
  return exitCode;
}
