/** `config check`: whether the agent could start with it, and what it would let happen. */
import { checkConfig, type CheckedConfig } from "../agent/check_config.ts";
import type { Surroundings } from "../agent/foundation.ts";
import type { CliIo } from "./io.ts";
import { type Format, printable, printResult } from "./output.ts";
import { loadConfig } from "./run.ts";

/** Throws StalledError `config_invalid`, InvalidInputError `malformed_policy`. */
export async function runConfigCheck(
  path: string,
  format: Format,
  surroundings: Pick<Surroundings, "runtime" | "env">,
  io: CliIo,
): Promise<void> {
  const config = await loadConfig(path, surroundings);
  const checked = await checkConfig(config, surroundings.runtime);
  printResult(io, format, checked, () => describe(path, checked));
}

function describe(path: string, { clusterName, signers, policy, ...rest }: CheckedConfig) {
  const names = (list: readonly string[]) => list.map(printable).join(", ");
  return [
    `${path} is valid: cluster ${clusterName}, kubernetes ${rest.kubernetes}, ` +
    `listener ${rest.listener ? "on" : "off"}`,
    signers.length === 0
      ? "Signers: none, so every package is refused"
      : `Signers: ${names(signers)}`,
    policy.allow.length === 0
      ? "Policy: allows nothing, so every package is refused"
      : `Policy: mode ${policy.mode}, allows ${names(policy.allow)}`,
  ];
}
