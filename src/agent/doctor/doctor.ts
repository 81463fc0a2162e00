/** Looks at everything that the agent will need, from where it will run. Each check is a file beside this one. */
import type { Config } from "../../config/schema.ts";
import { SecretMask } from "../../log.ts";
import { createMetrics } from "../../metrics.ts";
import { checkConfig } from "../check_config.ts";
import type { Surroundings } from "../foundation.ts";
import { openVaultSession } from "../vault_session.ts";
import { archive } from "./archive.ts";
import { type Check, failed, type Finding, found } from "./check.ts";
import { kubernetes } from "./kubernetes.ts";
import { controlPlane, prometheus } from "./peers.ts";
import { stateDir } from "./state_dir.ts";
import { vault } from "./vault.ts";

const configuration: Check = {
  name: "configuration",
  async run({ config, runtime }) {
    const { signers } = await checkConfig(config, runtime);
    return [
      found(
        this.name,
        "ok",
        `the files that it names can be read; signers: ${signers.join(", ") || "none"}`,
      ),
    ];
  },
};

const CHECKS: readonly Check[] = [
  configuration,
  stateDir,
  vault,
  controlPlane,
  kubernetes,
  prometheus,
  archive,
];
const LIMIT_MS = 60_000;

/** In the order of the table. Throws StalledError `config_invalid` when Vault's CA cannot be read. */
export async function examine(
  config: Config,
  { runtime, env }: Pick<Surroundings, "runtime" | "env">,
): Promise<Finding[]> {
  const mask = new SecretMask();
  const session = await openVaultSession(config.vault, {
    runtime,
    mask,
    metrics: createMetrics(),
    env,
  });
  const parts = { config, runtime, env, mask, vault: session };
  try {
    const findings = await Promise.all(CHECKS.map(async (check) => {
      try {
        return await check.run(parts, AbortSignal.timeout(LIMIT_MS));
      } catch (error) {
        return [failed(check.name, error)];
      }
    }));
    return findings.flat();
  } finally {
    session.close();
  }
}
