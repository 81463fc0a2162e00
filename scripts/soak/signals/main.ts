/**
 * `deno task soak:signals [--minutes 10] [--seed N] [--sink signals|remoteWrite]`: the agent streams from a real Prometheus while
 * everything fails at random; then each point is compared with the source. Prints a table, writes
 * reports/soak/signals.json, and ends with 1 on any violation. The seed repeats the plan of faults.
 */
import { parseArgs } from "node:util";
import { print } from "../../testbed/print.ts";
import { findDebianProgram } from "../../testbed/programs/debian.ts";
import { formatSoak } from "./report.ts";
import type { SinkKind } from "./sinks.ts";
import { soak } from "./soak.ts";

const FOLDER = "reports/soak";
/** Where an agent that runs from source may write. */
const WORK = "./state/soak";
const MS_PER_MINUTE = 60_000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(crypto.getRandomValues(new Uint32Array(1))[0]) },
    sink: { type: "string", default: "signals" },
  },
});
const seed = Number(values.seed);
const minutes = Number(values.minutes);
if (!Number.isInteger(seed) || !(minutes > 0) || !isSink(values.sink)) {
  print("usage: deno task soak:signals [--minutes 10] [--seed 42] [--sink signals|remoteWrite]");
  Deno.exit(2);
}
const prometheus = await findDebianProgram("prometheus", "prometheus");
const promtool = await findDebianProgram("promtool", "prometheus");
if ("why" in prometheus) stop(prometheus.why);
if ("why" in promtool) stop(promtool.why);

const folder = `${WORK}/${crypto.randomUUID().slice(0, 8)}`;
await Deno.mkdir(folder, { recursive: true });
const result = await soak({
  seed,
  durationMs: minutes * MS_PER_MINUTE,
  folder,
  sink: values.sink,
  programs: { prometheus: prometheus.program, promtool: promtool.program },
  progress: (line) => print(`… ${line}`),
});
await Deno.mkdir(FOLDER, { recursive: true });
const json = `${JSON.stringify({ at: new Date().toISOString(), ...result }, null, 2)}\n`;
await Deno.writeTextFile(`${FOLDER}/signals.json`, json);
print(`\n${formatSoak(result)}`);
if (result.violations.length > 0) {
  print(`\nEverything that it left is in ${folder}.`);
  Deno.exit(1);
}
await Deno.remove(folder, { recursive: true });

function isSink(text: string): text is SinkKind {
  return text === "signals" || text === "remoteWrite";
}

function stop(why: string): never {
  print(`There is no Prometheus to soak with: ${why}`);
  Deno.exit(1);
}
