/**
 * `deno task test:real [part…] [--until EPOCH_SECONDS]`: finds or fetches real peers, runs the suite
 * with leave to run exactly those programs, and ends with a table of what was real and what was not.
 * A part is the name of a file in tests/real without `_test.ts`; without one all are run.
 */
import { parseArgs } from "node:util";
import { findCosign } from "./cosign.ts";
import { findDebianProgram } from "./debian.ts";
import { findHelm, findKubectl } from "./kubernetes_clients.ts";
import { type Peer, type Search, toPeer } from "./peer.ts";
import { print } from "./print.ts";
import { formatPeers } from "./table.ts";

const FOLDER = "tests/real";
const REPORT = "reports/real";

const SEARCHES: readonly (readonly [string, () => Promise<Search>])[] = [
  ["prometheus", () => findDebianProgram("prometheus", "prometheus")],
  ["promtool", () => findDebianProgram("promtool", "prometheus")],
  [
    "node exporter",
    () => findDebianProgram("prometheus-node-exporter", "prometheus-node-exporter"),
  ],
  ["cosign", findCosign],
  ["kubectl", findKubectl],
  ["helm", findHelm],
];

/** Their real servers are beyond this suite: nothing here looks for them. */
const EMBEDDED = ["control plane", "Vault", "Kubernetes API", "S3"];

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: { until: { type: "string" } },
});
const untilMs = values.until === undefined ? Infinity : Number(values.until) * 1000;
const parts = positionals.length > 0 ? positionals : await allParts();

const peers: Peer[] = [];
for (const [name, search] of SEARCHES) peers.push(toPeer(name, await search()));
await Deno.mkdir(REPORT, { recursive: true });
await Deno.writeTextFile(`${REPORT}/peers.json`, JSON.stringify(peers, null, 2));

const programs = [Deno.execPath(), ...peers.flatMap(({ program }) => program ?? [])];
const failed: string[] = [];
const skipped: string[] = [];
for (const part of parts) {
  if (Date.now() > untilMs) skipped.push(part);
  else if (!await runPart(part)) failed.push(part);
}

print(formatPeers(peers, EMBEDDED));
if (skipped.length > 0) print(`\nNo time was left for: ${skipped.join(", ")}`);
if (failed.length > 0) print(`\nFailed: ${failed.join(", ")}`);
Deno.exit(failed.length > 0 ? 1 : 0);

async function allParts(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(FOLDER)) {
    if (name.endsWith("_test.ts")) names.push(name.replace(/_test\.ts$/, ""));
  }
  return names.sort();
}

async function runPart(part: string): Promise<boolean> {
  print(`\n== ${part}`);
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--no-prompt",
      "-P=real",
      `--allow-run=${programs.join(",")}`,
      `${FOLDER}/${part}_test.ts`,
    ],
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  return success;
}
