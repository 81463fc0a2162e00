/** The contract of the Kubernetes API, kept by real servers: what the embedded one is measured by. */
import { CONTRACTS } from "../contract/kubernetes/contracts.ts";
import { runCase } from "../contract/kubernetes/target.ts";
import { KUBERNETES, targetOf } from "./kubernetes_peers.ts";
import { realTest } from "./peers.ts";

for (const peer of KUBERNETES) {
  for (const [subject, contract] of Object.entries(CONTRACTS)) {
    realTest(`${peer} keeps the contract of ${subject}`, [peer], async (context) => {
      const target = await targetOf(peer);
      for (const [name, act] of Object.entries(contract)) {
        await context.step(name, () => runCase(target, act));
      }
    });
  }
}
