/** The contract of the Kubernetes API, kept by the embedded server. */
import { CONTRACTS, PRODUCT_CONTRACTS } from "./contracts.ts";
import { withEmbedded } from "./embedded_target.ts";
import { runCase } from "./target.ts";

for (const contract of [...Object.values(CONTRACTS), ...Object.values(PRODUCT_CONTRACTS)]) {
  for (const [name, act] of Object.entries(contract)) {
    Deno.test(name, () => withEmbedded((target) => runCase(target, act)));
  }
}
