/**
 * `deno task compile [--target TRIPLE…] [--output DIR] [--commit HASH] [--official]`: makes the release.
 * Ends with 1 and says why when it cannot be made; `--official` refuses every base but Deno's own.
 */
import { parseArgs } from "node:util";
import { print } from "../testbed/print.ts";
import { Failure } from "./failure.ts";
import { makeRelease } from "./release.ts";
import { TARGETS } from "./targets.ts";

const { values } = parseArgs({
  options: {
    target: { type: "string", multiple: true },
    output: { type: "string", default: "reports/dist" },
    commit: { type: "string" },
    official: { type: "boolean", default: false },
  },
});
const targets = TARGETS.filter(({ triple }) => values.target?.includes(triple) ?? true);
try {
  if (targets.length === 0) throw new Failure(`no such target: ${values.target?.join(", ")}`);
  await makeRelease({ ...values, targets });
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  print(error.message);
  Deno.exit(1);
}
