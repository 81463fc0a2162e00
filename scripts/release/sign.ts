/**
 * `deno task sign --key cosign.key [--no-log] [--proof] [--output DIR]`: signs the checksums of a release with
 * cosign, which asks for the key's password, or takes it from COSIGN_PASSWORD. `--no-log` keeps it out of the
 * public transparency log; `--proof` signs what is marked as not for release.
 */
import { parseArgs } from "node:util";
import { isFile } from "../testbed/command.ts";
import { print } from "../testbed/print.ts";
import { findCosign } from "../testbed/programs/go_tools.ts";
import { sha256 } from "./checksums.ts";
import { Failure, runChecked } from "./failure.ts";
import { CHECKSUMS, UNFIT } from "./release.ts";

const BUILD_LIMIT_MS = 600_000;
/** Nothing beyond this machine is asked. */
const NO_LOG = ["--tlog-upload=false", "--use-signing-config=false"];

const { values } = parseArgs({
  options: {
    key: { type: "string" },
    "no-log": { type: "boolean", default: false },
    proof: { type: "boolean", default: false },
    output: { type: "string", default: "reports/dist" },
  },
});
try {
  if (values.key === undefined) throw new Failure("give --key: the private key that cosign made");
  await sign(values.key);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  print(error.message);
  Deno.exit(1);
}

async function sign(key: string): Promise<void> {
  const sums = `${values.output}/${CHECKSUMS}`;
  if (!await isFile(sums)) throw new Failure(`there is no ${sums}: deno task compile makes it`);
  if (await isFile(`${values.output}/${UNFIT}`) && !values.proof) {
    throw new Failure(`${values.output}/${UNFIT} says why these must not be signed`);
  }
  await checkSums(sums);
  const cosign = await findCosign(AbortSignal.timeout(BUILD_LIMIT_MS));
  if ("why" in cosign) throw new Failure(`there is no cosign: ${cosign.why}`);
  const bundle = `${sums}.sigstore.json`;
  const flags = ["--yes", ...(values["no-log"] ? NO_LOG : [])];
  await runChecked(cosign.program, [
    "sign-blob",
    "--key",
    key,
    "--bundle",
    bundle,
    ...flags,
    sums,
  ]);
  // The same signature once more, for whoever has openssl and no cosign.
  const { messageSignature } = JSON.parse(await Deno.readTextFile(bundle));
  await Deno.writeTextFile(`${sums}.sig`, `${messageSignature.signature}\n`);
  print(`signed by cosign ${cosign.version}: ${bundle}, ${sums}.sig`);
}

/** What is signed is what lies there. */
async function checkSums(sums: string): Promise<void> {
  for (const line of (await Deno.readTextFile(sums)).trimEnd().split("\n")) {
    const [digest, path] = line.split("  ");
    const bytes = await Deno.readFile(`${values.output}/${path}`);
    if (sha256(bytes) !== digest) throw new Failure(`${path} is not what ${sums} says`);
  }
}
