/** The connector's session with Vault, as the configuration's `vault` section has it. */
import { VaultSession } from "../adapters/vault.ts";
import type { Config } from "../config/schema.ts";
import type { SecretMask } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Runtime } from "../runtime.ts";
import { readCa } from "./read_files.ts";

export interface VaultSurroundings {
  readonly runtime: Runtime;
  readonly mask: SecretMask;
  readonly metrics: Metrics;
  readonly env: (name: string) => string | undefined;
}

/** Throws StalledError `config_invalid` for a CA file that cannot be read. */
export async function openVaultSession(
  { address, identityRole, timeout, caFile, proxy, namespace, auth }: Config["vault"],
  { runtime, mask, metrics, env }: VaultSurroundings,
): Promise<VaultSession> {
  const token = env("VAULT_TOKEN");
  return new VaultSession(
    runtime,
    {
      address,
      identityRole,
      timeoutMs: timeout,
      ...await readCa(runtime.files, "vault.caFile", caFile),
      ...(proxy === undefined ? {} : { proxy }),
      ...(namespace === undefined ? {} : { namespace }),
      auth: auth.method === "token" && token !== undefined ? { ...auth, token } : auth,
    },
    mask,
    metrics,
  );
}
