/** `audit verify` in a process of its own, which says at the end what it took. Arguments: folder, checkpoints… */
import process from "node:process";
import { runAuditVerify } from "../../../src/cli/audit.ts";
import { systemFiles } from "../../../src/runtime_deno/files.ts";

const [directory, ...checkpoints] = Deno.args;
const begun = performance.now();
const words: string[] = [];
const keep = (line: string) => void words.push(line);
const code = await runAuditVerify({
  source: { directory: directory! },
  checkpoints,
  output: "text",
}, {
  print: keep,
  printError: keep,
  readFile: (path) => Deno.readFile(path),
  files: systemFiles,
});
const wallMs = performance.now() - begun;
const { user, system } = process.cpuUsage();
const [, peakKiB] = /VmHWM:\s+(\d+)/.exec(await Deno.readTextFile("/proc/self/status"))!;
// deno-lint-ignore no-console
console.log(JSON.stringify({
  code,
  words: words.join("\n"),
  wallMs,
  cpuMs: (user + system) / 1000,
  peakMiB: Number(peakKiB) / 1024,
}));
