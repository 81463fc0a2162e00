/**
 * `deno task bench:signals [--seconds 120] [--window 120] [--sizes 0,10000,100000,1000000,10000000]
 * [--real 1000000] [--sinks signals,remote] [--only live|windows] [--profile]`: what it costs to forward metrics, for us and for what people use
 * today, in one run, on one machine, into one receiver. Prints tables, and writes
 * reports/bench/signals.json. With --profile the agent runs from source, and leaves a CPU profile of
 * each window there.
 */
import { parseArgs } from "node:util";
import { run } from "../../testbed/command.ts";
import { print } from "../../testbed/print.ts";
import { findDebianProgram } from "../../testbed/programs/debian.ts";
import { bundleCheckout, SOURCE } from "./agent.ts";
import { firstEvent } from "./events.ts";
import { type Live, measureLive } from "./live.ts";
import { Processes } from "./processes.ts";
import { formatReport, type Report } from "./report.ts";
import { Senders } from "./senders.ts";
import { Sink } from "./sink.ts";
import { measureRealWindow } from "./real_window.ts";
import { measureWindow, type WindowCost } from "./windows.ts";

const FOLDER = `${Deno.cwd()}/reports/bench`;
const STEP_SECONDS = 5;
const HERE = "scripts/bench/signals";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "120" },
    window: { type: "string", default: "120" },
    sizes: { type: "string", default: "0,10000,100000,1000000,10000000" },
    only: { type: "string" },
    sinks: { type: "string", default: "signals,remote" },
    real: { type: "string", default: "1000000" },
    profile: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});
const work = `${FOLDER}/${crypto.randomUUID().slice(0, 8)}`;
await Deno.mkdir(work, { recursive: true });
const progress = (what: string) => print(`… ${what}`);

progress("bundling this checkout");
// A profile of minified code says nothing to a reader.
const program = values.profile ? SOURCE : await bundleCheckout(work);
const versions: Record<string, string> = {};
const left: string[] = [];
let live: Live | null = null;
const windows: WindowCost[] = [];
{
  await using processes = new Processes(work);
  const sink = new Sink(await open(processes, "sink", "-P=simulate"));
  // Once for this bundle, Deno reads it whole to know its imports, and holds twice as much as any other time.
  progress("a first start");
  await measureWindow(processes, sink, { work, program, samplesPerHour: 0, name: "first" });
  if (values.only !== "windows") live = await liveSection(processes, sink);
  const options = (size: number) => ({
    work,
    program,
    samplesPerHour: size,
    flags: profiling(`window-${size}`),
  });
  for (const size of values.only === "live" ? [] : values.sizes.split(",").map(Number)) {
    progress(`a window of ${size} samples`);
    windows.push(await measureWindow(processes, sink, options(size)));
  }
  const realSize = Number(values.real);
  if (values.only !== "live" && realSize > 0) {
    progress(`a window of ${realSize} samples from a real Prometheus`);
    const prometheus = await findDebianProgram("prometheus", "prometheus");
    const promtool = await findDebianProgram("promtool", "prometheus");
    if ("why" in prometheus) left.push(prometheus.why);
    else if ("why" in promtool) left.push(promtool.why);
    else {
      const programs = { prometheus: prometheus.program, promtool: promtool.program };
      windows.push(await measureRealWindow(programs, processes, sink, options(realSize)));
    }
  }
}
const head = await run("git", ["rev-parse", "--short", "HEAD"]);
const report: Report = {
  at: new Date().toISOString(),
  machine: {
    cores: navigator.hardwareConcurrency,
    platform: `${Deno.build.os} ${Deno.osRelease()}`,
    deno: Deno.version.deno,
  },
  commit: head.ok ? head.out : null,
  versions,
  live,
  windows,
  left,
};
await Deno.writeTextFile(`${FOLDER}/signals.json`, `${JSON.stringify(report, null, 2)}\n`);
print(`\n${formatReport(report)}\n\nreports/bench/signals.json has every figure.`);
if (!values.keep) await Deno.remove(work, { recursive: true });

function profiling(name: string): string[] {
  return values.profile ? ["--cpu-prof", `--cpu-prof-dir=${FOLDER}/profile-${name}`] : [];
}

/** Starts a helper of this folder; returns where it listens. */
async function open(processes: Processes, name: string, allowed: string): Promise<string> {
  const { stdout } = await processes.open(name, Deno.execPath(), [
    "run",
    allowed,
    "--no-prompt",
    "--quiet",
    `${HERE}/${name}_program.ts`,
  ]);
  return (await firstEvent(stdout)).url;
}

/** null where the programs cannot be had. */
async function liveSection(outer: Processes, sink: Sink): Promise<Live | null> {
  const prometheus = await findDebianProgram("prometheus", "prometheus");
  const vmagent = await findDebianProgram("vmagent", "victoria-metrics");
  if ("why" in prometheus || "why" in vmagent) {
    for (const found of [prometheus, vmagent]) if ("why" in found) left.push(found.why);
    return null;
  }
  versions["Prometheus"] = prometheus.version;
  versions["vmagent"] = vmagent.version;
  const exporterUrl = await open(outer, "exporter", "--allow-net=127.0.0.1");
  // Ended before the windows are measured.
  await using processes = new Processes(work);
  const senders = new Senders(
    { prometheus: prometheus.program, vmagent: vmagent.program },
    { work, exporterUrl, sinkUrl: sink.url, intervalSeconds: STEP_SECONDS },
    processes,
  );
  return await measureLive(senders, processes, sink, {
    work,
    program,
    seconds: Number(values.seconds),
    stepSeconds: STEP_SECONDS,
    windowSeconds: Number(values.window),
    flags: profiling("live"),
    sinks: values.sinks.split(",").filter((name) => name === "signals" || name === "remote"),
    progress,
  });
}
