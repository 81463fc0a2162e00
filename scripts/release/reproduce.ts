/**
 * `deno task check:reproducible [--output DIR]`: makes the release for this machine once more, from a copy of
 * the source in another folder, and compares each file. Ends with 1 where one differs.
 */
import { parseArgs } from "node:util";
import { print } from "../testbed/print.ts";
import { Failure, runChecked } from "./failure.ts";
import { CHECKSUMS, UNFIT } from "./release.ts";
import { buildFacts, copy } from "./staging.ts";

const SOURCES = ["main.ts", "deno.json", "deno.lock", "src", "scripts"];
const TARGET = "x86_64-unknown-linux-gnu";

const { values } = parseArgs({ options: { output: { type: "string", default: "reports/dist" } } });
const folder = await Deno.makeTempDir();
try {
  const first = await readSums(values.output);
  const second = await readSums(await makeAgain());
  // It lists the binaries, of which there are fewer.
  second.delete(UNFIT);
  const differing = [...second].filter(([path, digest]) => first.get(path) !== digest);
  if (differing.length > 0) {
    throw new Failure(
      `not reproducible, or compiled from other source: ${
        differing.map(([path]) => path).join(", ")
      }`,
    );
  }
  print(`reproducible: ${second.size} files have the same digests`);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  print(error.message);
  Deno.exitCode = 1;
} finally {
  await Deno.remove(folder, { recursive: true });
}

/** Path of the other release: its folder is of another name and depth. */
async function makeAgain(): Promise<string> {
  const source = `${folder}/some/where/else`;
  await Deno.mkdir(source, { recursive: true });
  for (const path of SOURCES) await copy(path, `${source}/${path}`);
  // The copy has no history to ask.
  const { commit } = await buildFacts(undefined);
  await runChecked(Deno.execPath(), [
    "run",
    "-P=release",
    "--no-prompt",
    "scripts/release/main.ts",
    "--target",
    TARGET,
    "--output",
    `${folder}/dist`,
    ...(commit === null ? [] : ["--commit", commit]),
  ], { cwd: source, env: { TMPDIR: `${folder}/some` } });
  return `${folder}/dist`;
}

async function readSums(output: string): Promise<Map<string, string>> {
  const path = `${output}/${CHECKSUMS}`;
  const text = await Deno.readTextFile(path).catch(() => {
    throw new Failure(`there is no ${path}: deno task compile makes it`);
  });
  return new Map(
    text.trimEnd().split("\n").map((line) => {
      const [digest, file] = line.split("  ");
      return [file!, digest!];
    }),
  );
}
