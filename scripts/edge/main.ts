/**
 * `deno task deb [--output DIR] [--epoch SECONDS]`: adds to a compiled release what edge hosts need (a Debian
 * package for each binary, install.sh and its files) and writes SHA256SUMS anew. Sign after it.
 */
import { parseArgs } from "node:util";
import config from "../../deno.json" with { type: "json" };
import { filesUnder, formatChecksums, sha256 } from "../release/checksums.ts";
import { Failure, runChecked } from "../release/failure.ts";
import { CHECKSUMS, SBOM } from "../release/release.ts";
import { isFile } from "../testbed/command.ts";
import { print } from "../testbed/print.ts";
import { copyrightOf, type Sbom } from "./copyright.ts";
import { buildPackage, DEBIAN_ARCHITECTURES } from "./package.ts";

/** What install.sh fetches besides the binary, and itself. */
const INSTALLED = [
  "scripts/install.sh",
  "scripts/edge/neuralops-connector.service",
  "docs/examples/connector.minimal.yaml",
];

const { values } = parseArgs({
  options: {
    output: { type: "string", default: "reports/dist" },
    epoch: { type: "string" },
  },
});
try {
  await addEdgeFiles(values.output);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  print(error.message);
  Deno.exit(1);
}

async function addEdgeFiles(output: string): Promise<void> {
  const sums = `${output}/${CHECKSUMS}`;
  if (!await isFile(sums)) throw new Failure(`there is no ${sums}: deno task compile makes it`);
  if (await isFile(`${sums}.sig`)) {
    throw new Failure(`${sums} is signed already: deno task compile begins anew`);
  }
  // One time for all files, so that the same commit gives the same package.
  const epoch = Number(values.epoch ?? await runChecked("git", ["log", "-1", "--format=%ct"]));
  if (!Number.isSafeInteger(epoch) || epoch <= 0) throw new Failure("--epoch must be in seconds");
  const sbom: Sbom = JSON.parse(await Deno.readTextFile(`${output}/${SBOM}`));
  const copyright = copyrightOf(sbom, new Date(epoch * 1000).getUTCFullYear());
  for (const architecture of DEBIAN_ARCHITECTURES) {
    const binary = `${output}/neuralops-connector-linux-${architecture.machine}`;
    if (!await isFile(binary)) continue;
    const made = await buildPackage({
      binary,
      version: config.version,
      architecture: architecture.debian,
      copyright,
      epoch,
      output,
    });
    print(`${made}: ${Math.round((await Deno.stat(made)).size / 1e6)} MB`);
  }
  for (const path of INSTALLED) {
    await Deno.copyFile(path, `${output}/${path.split("/").at(-1)}`);
  }
  await Deno.remove(sums);
  const digests = new Map<string, string>();
  for (const path of await filesUnder(output)) {
    digests.set(path, sha256(await Deno.readFile(`${output}/${path}`)));
  }
  await Deno.writeTextFile(sums, formatChecksums(digests));
  print(`${sums}: ${digests.size} files`);
}
