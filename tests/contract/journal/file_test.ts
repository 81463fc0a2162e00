/** What the contract says of a journal, asked of the one in files. */
import { openFileTarget } from "./file_target.ts";
import { JOURNAL_CONTRACT } from "./suite.ts";

for (const { name, run } of JOURNAL_CONTRACT) {
  Deno.test(`file ${name}`, async () => {
    await using target = await openFileTarget();
    await run(target);
  });
}
