/** What the contract says of S3, asked of the embedded one. */
import { openEmbeddedS3 } from "./embedded_target.ts";
import { S3_CONTRACT } from "./suite.ts";

for (const { name, run } of S3_CONTRACT) {
  Deno.test(`embedded ${name}`, async () => {
    await using target = await openEmbeddedS3();
    await run(target);
  });
}
