/** What the contract says of a Vault, asked of the embedded one. */
import { openEmbeddedVault } from "./embedded_target.ts";
import { VAULT_CONTRACT } from "./suite.ts";

for (const { name, run } of VAULT_CONTRACT) {
  Deno.test(`embedded ${name}`, async () => {
    await using target = await openEmbeddedVault();
    await run(target);
  });
}
