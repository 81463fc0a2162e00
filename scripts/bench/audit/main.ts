/**
 * `deno task bench:audit [--records N] [--only appends|verify]`: durable records a second beside the bare disk,
 * and `audit verify` beside sha256sum, in turns. Prints tables, writes reports/bench/audit.json.
 */
import { parseArgs } from "node:util";
import { print } from "../../testbed/print.ts";
import { columns } from "../report.ts";
import { type AppendReport, measureAppends } from "./appends.ts";
import { measureVerifying, type VerifyReport } from "./verifying.ts";

const FOLDER = "./reports/bench";
const { values } = parseArgs({
  options: {
    records: { type: "string", default: "1000000" },
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
  },
});
await Deno.mkdir(FOLDER, { recursive: true });
const appends = values.only === "verify" ? null : await measureAppends(`${FOLDER}/appends`);
const verifying = values.only === "appends"
  ? null
  : await measureVerifying(`${FOLDER}/log`, Number(values.records), Number(values.rounds));
const machine = { cores: navigator.hardwareConcurrency, deno: Deno.version.deno };
const report = { at: new Date().toISOString(), machine, appends, verifying };
await Deno.writeTextFile(`${FOLDER}/audit.json`, `${JSON.stringify(report, null, 2)}\n`);
if (appends) print(formatAppends(appends));
if (verifying) print(formatVerifying(verifying));
print(`\nWritten to ${FOLDER}/audit.json.`);

function formatAppends({ bareSyncPerSecond, bareAsyncPerSecond, syncMs, log }: AppendReport) {
  const { p50, p99, max } = syncMs;
  return [
    "Durable records a second, and how many times the bare append with fdatasync that is",
    columns([
      ["", "a second", "of the bare, waiting", "of the bare, not waiting"],
      ["bare, the thread waits", bareSyncPerSecond.toFixed(0), "", ""],
      ["bare, the thread does not wait", bareAsyncPerSecond.toFixed(0), "", ""],
      ...log.map(({ writers, perSecond, ofBareSync, ofBareAsync }) => [
        `audit log, ${writers} writers`,
        perSecond.toFixed(0),
        ofBareSync.toFixed(2),
        ofBareAsync.toFixed(2),
      ]),
    ]),
    `One bare sync: p50 ${p50.toFixed(3)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(0)} ms`,
  ].join("\n");
}

function formatVerifying(
  { records, bytes, checkpoints, sha256sum, oneThread, threads, ratios }: VerifyReport,
): string {
  const row = (what: string, { wallMs, cpuMs }: { wallMs: number; cpuMs: number }) => [
    what,
    (bytes / 1000 / wallMs).toFixed(0),
    (bytes / 1000 / cpuMs).toFixed(0),
  ];
  const { oneThreadWall, oneThreadCpu, threadsWall } = ratios;
  return [
    `\nA log of ${records} records, ${
      (bytes / 1e6).toFixed(0)
    } MB, verified against ${checkpoints} checkpoints; the process's start is counted`,
    columns([
      ["", "MB/s", "MB a CPU second", "times sha256sum", "peak MiB"],
      [...row("sha256sum", sha256sum), "", ""],
      [
        ...row("one thread", oneThread),
        `${oneThreadWall.toFixed(2)} (CPU ${oneThreadCpu.toFixed(2)})`,
        oneThread.peakMiB.toFixed(0),
      ],
      [...row("threads", threads), threadsWall.toFixed(2), threads.peakMiB.toFixed(0)],
    ]),
  ].join("\n");
}
