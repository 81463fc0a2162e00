/** What tests/contract/s3 says of S3, asked of a real server. */
import { S3_CONTRACT } from "../contract/s3/suite.ts";
import { realTest } from "./peers.ts";
import { openRealS3 } from "./s3_target.ts";

for (const { name, run } of S3_CONTRACT) {
  realTest(`real ${name}`, ["S3 (MinIO)"], async () => {
    await using target = await openRealS3();
    await run(target);
  });
}
