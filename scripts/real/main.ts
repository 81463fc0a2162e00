/**
 * `deno task test:real [part…] [--nodes] [--until EPOCH_SECONDS]`: runs the suite on the testbed, with leave to run
 * exactly its programs, and ends with a table of what was real and what was not. A testbed that is up is
 * used and left up; else one is brought up for the length of the run.
 * A part is the name of a file in tests/real without `_test.ts`; without one all are run.
 */
import { parseArgs } from "node:util";
import config from "../../deno.json" with { type: "json" };
import { down } from "../testbed/down.ts";
import { buildFaultyCalls } from "../testbed/faults/faulty_calls.ts";
import { print } from "../testbed/print.ts";
import { formatPeers } from "../testbed/table.ts";
import { runningTestbed, type Testbed } from "../testbed/testbed.ts";
import { buildTime, up } from "../testbed/up.ts";

const FOLDER = "tests/real";
const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: { until: { type: "string" }, nodes: { type: "boolean", default: false } },
});
const untilMs = values.until === undefined ? Infinity : Number(values.until) * 1000;
const parts = positionals.length > 0 ? positionals : await allParts();

const running = await runningTestbed();
const testbed = running ?? await up(buildTime(values.until), { nodes: values.nodes });
const failed: string[] = [];
const skipped: string[] = [];
try {
  const programs = [
    Deno.execPath(),
    ...testbed.peers.flatMap(({ program }) => program ?? []),
    ...await buildFaultyCalls(),
  ];
  for (const part of parts) {
    if (Date.now() > untilMs) skipped.push(part);
    else if (!await runPart(part, programs)) failed.push(part);
  }
} finally {
  if (!running) await down();
}

print(`\n${formatPeers(testbed.peers)}`);
print("\nThe control plane is the embedded one: there is no other.");
if (skipped.length > 0) print(`No time was left for: ${skipped.join(", ")}`);
if (failed.length > 0) print(`Failed: ${failed.join(", ")}`);
Deno.exit(failed.length > 0 ? 1 : 0);

async function allParts(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(FOLDER)) {
    if (name.endsWith("_test.ts")) names.push(name.replace(/_test\.ts$/, ""));
  }
  return names.sort();
}

/** Pods on real nodes reach the peers in a test by an address that is not loopback. */
function netFlags({ nodes, oldestNodes }: Testbed): string[] {
  const address = (nodes ?? oldestNodes)?.hostAddress;
  return address ? [`--allow-net=${[...config.permissions.real.net, address].join(",")}`] : [];
}

async function runPart(part: string, programs: readonly string[]): Promise<boolean> {
  print(`\n== ${part}`);
  const begunMs = Date.now();
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--no-prompt",
      // Once for all files, and quicker, is `deno task check`.
      "--no-check",
      "-P=real",
      ...netFlags(testbed),
      `--allow-run=${programs.join(",")}`,
      `${FOLDER}/${part}_test.ts`,
    ],
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  print(`${part} took ${Math.round((Date.now() - begunMs) / 1000)} s`);
  return success;
}
