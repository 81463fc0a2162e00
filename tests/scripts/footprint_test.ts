import assert from "node:assert/strict";
import {
  parseCpuMs,
  parseMemory,
  parseWakeUps,
  wakeUpsBetween,
} from "../../scripts/bench/footprint/process_status.ts";
import { formatReport, type Report } from "../../scripts/bench/footprint/report.ts";

const STATUS = `Name:\tdeno
VmPeak:\t  999999 kB
VmHWM:\t   81920 kB
VmRSS:\t   71680 kB
RssAnon:\t   30720 kB
RssFile:\t   40960 kB
`;

Deno.test("parseMemory reads MiB, of what is held and of the most that was", () => {
  assert.deepEqual(parseMemory(STATUS), { rss: 70, anonymous: 30, most: 80 });
});

Deno.test("parseMemory refuses a status without memory, as a process that has ended has it", () => {
  assert.throws(() => parseMemory("Name:\tdeno\nState:\tZ (zombie)\n"), /VmRSS/);
});

Deno.test("parseCpuMs adds user and kernel, whatever the name of the process holds", () => {
  const stat = "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 120 30 0 0 20 0 7 0 1 2 3";
  assert.equal(parseCpuMs(stat), 1500);
});

Deno.test("parseWakeUps reads one thread behind the other, and no other kind of switch", () => {
  const thread = (id: number, count: number) =>
    `Name:\tdeno\nTgid:\t1\nPid:\t${id}\nPPid:\t9\n` +
    `voluntary_ctxt_switches:\t${count}\nnonvoluntary_ctxt_switches:\t7\n`;
  assert.deepEqual(
    [...parseWakeUps(thread(1, 10) + thread(3, 500))],
    [["1", 10], ["3", 500]],
  );
  assert.equal(parseWakeUps("").size, 0);
});

Deno.test("wakeUpsBetween counts no thread that has ended, and new ones from their beginning", () => {
  const before = { cpuMs: 0, wakeUps: new Map([["1", 10], ["2", 500]]) };
  const after = { cpuMs: 0, wakeUps: new Map([["1", 14], ["3", 2]]) };
  assert.equal(wakeUpsBetween(before, after), 6);
});

const spread = (p50: number) => ({ runs: 20, p50, p99: 2 * p50 });
const rest = (rss: number, cpuPercent: number) => ({
  memory: { rss, anonymous: rss / 2, most: rss },
  cpuPercent,
  wakeUpsPerSecond: 4,
});
const REPORT: Report = {
  at: "2026-11-24T22:00:00.000Z",
  machine: { cores: 2, platform: "linux x86_64", deno: "2.9.6" },
  v8Flags: [],
  minutes: 10,
  programs: [
    { name: "empty", title: "empty program", floor: null },
    { name: "good", title: "a good one", floor: "empty" },
    { name: "bad", title: "a bad one", floor: "empty" },
  ],
  starts: [["empty", 20], ["good", 80], ["bad", 81]].map(([program, ms]) => ({
    program: String(program),
    answeringMs: spread(Number(ms)),
    readyMs: spread(Number(ms)),
    cpuMs: spread(Number(ms)),
    memory: rest(30, 0).memory,
  })),
  idle: [
    { program: "empty", afterStart: rest(30, 0), work: null },
    { program: "good", afterStart: rest(60, 0.29), work: null },
    {
      program: "bad",
      afterStart: rest(61, 0.31),
      work: { packages: 1000, cpuMsPerPackage: 16, after: rest(100, 0.2) },
    },
  ],
  packages: [],
  sizes: [],
  left: ["the image: nobody built one"],
};

Deno.test("formatReport says of each figure whether it keeps its target, beside the floor", () => {
  const rows = formatReport(REPORT).split("\n");
  const rowsOf = (title: string) => rows.filter((row) => row.startsWith(`| ${title} |`));
  assert.deepEqual(rowsOf("a good one").filter((row) => row.includes("missed")), []);
  const [start, idle] = rowsOf("a bad one");
  assert.match(start!, /4\.05 × \*\*missed\*\*/);
  assert.match(idle!, /2\.03 × \*\*missed\*\*.*0\.31 % \*\*missed\*\*/);
  assert.ok(rows.includes("Left out: the image: nobody built one."));
});
