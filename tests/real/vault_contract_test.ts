/** What tests/contract/vault says of a Vault, asked of a real one. */
import { VAULT_CONTRACT } from "../contract/vault/suite.ts";
import { realTest } from "./peers.ts";
import { openRealVault } from "./vault_target.ts";

for (const { name, run } of VAULT_CONTRACT) {
  realTest(`real ${name}`, ["Vault (OpenBao)", "Kubernetes"], async () => {
    await using target = await openRealVault();
    await run(target);
  });
}
