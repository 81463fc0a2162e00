/** What the contract says of Prometheus, asked of the embedded one. */
import { openEmbeddedPrometheus } from "./embedded_target.ts";
import { PROMETHEUS_CONTRACT } from "./suite.ts";

for (const { name, run } of PROMETHEUS_CONTRACT) {
  Deno.test(`embedded: ${name}`, async () => {
    await using target = await openEmbeddedPrometheus();
    await run(target);
  });
}
