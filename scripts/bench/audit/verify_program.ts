/** What `audit verify` does to a folder, in a process of its own. Arguments: folder, threads. */
import process from "node:process";
import { requireWhole } from "../../../src/adapters/audit_recovery.ts";
import { followFolder } from "../../../src/cli/audit_follow.ts";
import { Anchors } from "../../../src/core/audit/anchors.ts";
import type { VisitRecord } from "../../../src/core/audit/verify.ts";
import { systemFiles } from "../../../src/runtime_deno/files.ts";

const [directory, threads, ...notes] = Deno.args;
const begun = performance.now();
const anchors = new Anchors();
for (const label of notes) anchors.add({ label, note: await Deno.readTextFile(label) });
const compare: VisitRecord = (_record, state) => anchors.compare(state);
const visit = Object.assign(compare, { next: (after: number) => anchors.next(after) });
const { state, segments } = await followFolder(
  systemFiles,
  directory!,
  null,
  visit,
  Number(threads),
);
requireWhole(segments.at(-1)!);
anchors.finish(directory!, state);
const wallMs = performance.now() - begun;
const { user, system } = process.cpuUsage();
const [, peakKiB] = /VmHWM:\s+(\d+)/.exec(await Deno.readTextFile("/proc/self/status"))!;
// deno-lint-ignore no-console
console.log(JSON.stringify({
  code: 0,
  words: `${state.head.sequence} records, ${anchors.matched} checkpoints`,
  wallMs,
  cpuMs: (user + system) / 1000,
  peakMiB: Number(peakKiB) / 1024,
}));
