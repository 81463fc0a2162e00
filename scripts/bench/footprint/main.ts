/**
 * `deno task bench:footprint [--starts 20] [--minutes 1] [--packages 1000] [--v8-flags …]`: how quickly the
 * agent is ready, what it holds and spends while it is idle, and what its packages cost, each beside an
 * empty program on the same runtime in the same run. Ready is what the readiness probe says, with all peers
 * up and in a process of their own; from when it answers at all, what is left is calls to them.
 */
import { parseArgs } from "node:util";
import { readTexts } from "../../read_texts.ts";
import { startGraph } from "../../start_graph.ts";
import { print } from "../../testbed/print.ts";
import { type CompiledFloor, compileFloor } from "./floor.ts";
import { measureIdle } from "./idle.ts";
import { findImagePrograms } from "./image_programs.ts";
import { measurePackages } from "./packages.ts";
import { Peers } from "./peers.ts";
import { findPrograms, type Program } from "./programs.ts";
import { formatReport, type Report } from "./report.ts";
import { freePort, SHIPPED_HOME, type Site } from "./sites.ts";
import { measureSizes } from "./sizes.ts";
import { measureStarts } from "./starts.ts";

const FOLDER = `${Deno.cwd()}/reports/bench`;
const PROGRESS_EVERY = 5;
/** Loaded where they are first used, or replaced: what that saves. */
const NOT_AT_START = [
  "@aws-sdk/client-s3",
  "@kubernetes/client-node",
  "@noble/curves/nist.js",
  "@sigstore/verify",
  "commander",
  "node-vault",
  "prom-client",
];

const { values } = parseArgs({
  options: {
    starts: { type: "string", default: "20" },
    minutes: { type: "string", default: "1" },
    packages: { type: "string", default: "1000" },
    "v8-flags": { type: "string", default: "" },
  },
});
const minutes = Number(values.minutes);
const v8Flags = values["v8-flags"].split(",").filter((flag) => flag !== "");
// Short: the path of the agent's socket must not have more than 107 bytes.
const work = `${FOLDER}/${crypto.randomUUID().slice(0, 8)}`;
await Deno.mkdir(work, { recursive: true });
let compiled: Promise<CompiledFloor | null> | undefined;
const floor = () => compiled ??= compileFloor(work);
const { programs: bare, left } = await findPrograms(v8Flags, floor);
const image = await findImagePrograms(work, floor);
const programs = [...bare, ...image.programs];
const sites = new Map(programs.map((program): [Program, Site] => {
  const folder = `${work}/in/${program.name}`;
  const home = program.isShipped ? SHIPPED_HOME : folder;
  return [program, { name: program.name, port: freePort(), folder, home }];
}));
const siteOf = (program: Program) => sites.get(program)!;
const peers = await Peers.open([...sites.values()]);

print("starts");
const starts = await measureStarts(programs, siteOf, Number(values.starts), (done, of) => {
  if (done === of || done % PROGRESS_EVERY === 0) print(`starts: ${done} of ${of}`);
});
const packages = Number(values.packages);
await image[Symbol.asyncDispose]();
const idle = await measureIdle(bare, siteOf, peers, { minutes, packages, progress: print });
await peers.close();
print("packages");
const sources = await readTexts(["main.ts", "src"], (path) => path.endsWith(".ts"));
const atStart = [...startGraph(sources).packages].filter((name) => !name.startsWith("node:"));

const report: Report = {
  at: new Date().toISOString(),
  machine: {
    cores: navigator.hardwareConcurrency,
    platform: `${Deno.build.os} ${Deno.build.arch}`,
    deno: Deno.version.deno,
  },
  v8Flags,
  minutes,
  programs: programs.map(({ name, title, floor }) => ({ name, title, floor })),
  starts,
  idle,
  packages: await measurePackages(atStart, NOT_AT_START),
  sizes: await measureSizes(),
  left: [...left, ...(image.why ? [image.why] : [])],
};
await Deno.writeTextFile(`${FOLDER}/footprint.json`, `${JSON.stringify(report, null, 2)}\n`);
await Deno.remove(work, { recursive: true });
print(`\n${formatReport(report)}`);
print(`\nWritten to reports/bench/footprint.json.`);
Deno.exit();
