/** `run`: the agent, until a signal or a bug ends it. */
import type { Surroundings } from "../agent/foundation.ts";
import { live, type LoadedConfig, type Requests } from "../agent/lifetime.ts";
import { MAX_CONFIG_BYTES, parseConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { sha256Hex } from "../core/encoding.ts";
import { describeError, StalledError } from "../errors.ts";
import type { CliIo, ExitCode } from "./io.ts";

export const DEFAULT_STATE_DIR = "/var/lib/neuralops-connector";
const DEFAULT_CONFIG = "/etc/neuralops-connector/connector.yaml";

/** Where no option names a configuration. */
export function defaultConfig({ env }: Pick<CliIo, "env">): string {
  return env("NEURALOPS_CONFIG") ?? DEFAULT_CONFIG;
}

/** Throws StalledError `config_invalid`. */
export async function loadConfig(
  path: string,
  surroundings: Pick<Surroundings, "runtime" | "env">,
): Promise<Config> {
  return (await readConfig(path, surroundings)).config;
}

async function readConfig(
  path: string,
  { runtime, env }: Pick<Surroundings, "runtime" | "env">,
): Promise<LoadedConfig> {
  const hint = "name one with --config or NEURALOPS_CONFIG; docs/configuration.md has an example";
  let bytes: Uint8Array | null;
  try {
    bytes = await runtime.files.read(path, MAX_CONFIG_BYTES);
  } catch (cause) {
    const message = `Cannot read the configuration file ${path}: ${describeError(cause)}`;
    throw new StalledError("config_invalid", message, { cause, hint });
  }
  if (bytes) return { config: parseConfig(bytes, env, path), digest: sha256Hex(bytes) };
  throw new StalledError("config_invalid", `There is no configuration file ${path}`, { hint });
}

export async function run(
  configPath: string,
  surroundings: Surroundings,
  requests: Requests,
): Promise<ExitCode> {
  const endedWell = await live(() => readConfig(configPath, surroundings), surroundings, requests);
  return endedWell ? 0 : 1;
}
