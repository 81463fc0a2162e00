/** The figures as Markdown, to be pasted into docs/footprint.md. Pure. */
import type { Idle } from "./idle.ts";
import type { PackageCost } from "./packages.ts";
import type { Program } from "./programs.ts";
import type { Size } from "./sizes.ts";
import type { Starts } from "./starts.ts";

/** Of issue 5, each against the floor of the same run. */
export const TARGETS = { ready: 4, rss: 2, cpuPercent: 0.3 };

export interface Report {
  /** ISO 8601. */
  readonly at: string;
  readonly machine: { readonly cores: number; readonly platform: string; readonly deno: string };
  readonly v8Flags: readonly string[];
  readonly minutes: number;
  readonly programs: readonly Pick<Program, "name" | "title" | "floor">[];
  readonly starts: readonly Starts[];
  readonly idle: readonly Idle[];
  readonly packages: readonly PackageCost[];
  readonly sizes: readonly Size[];
  /** What could not be measured, and why. */
  readonly left: readonly string[];
}

export function formatReport(report: Report): string {
  const { at, machine, v8Flags, left } = report;
  const { cores, platform, deno } = machine;
  const flags = v8Flags.length > 0 ? `, V8 flags ${v8Flags.join(" ")}` : "";
  return [
    `${at}, ${cores} cores, ${platform}, Deno ${deno}${flags}`,
    ...(report.starts.length > 0 ? [startTable(report)] : []),
    ...(report.idle.length > 0 ? [idleTable(report), workTable(report)] : []),
    ...(report.sizes.length > 0 ? [sizeTable(report.sizes)] : []),
    ...(report.packages.length > 0 ? [packageTable(report.packages)] : []),
    ...left.map((reason) => `Left out: ${reason}.`),
  ].join("\n\n");
}

function startTable({ programs, starts }: Report): string {
  const floorOf = (name: string) => {
    const floor = programs.find((program) => program.name === name)?.floor;
    return starts.find(({ program }) => program === floor);
  };
  return table(
    [
      "start",
      "answers, p50",
      "ready, p50",
      "ready, p99",
      `ready ÷ floor (≤ ${TARGETS.ready})`,
      "processor until ready, p50",
    ],
    starts.map(({ program, answeringMs, readyMs, cpuMs }) => {
      const floor = floorOf(program);
      return [
        titleOf(programs, program),
        ms(answeringMs.p50),
        ms(readyMs.p50),
        ms(readyMs.p99),
        floor ? judged(readyMs.p50 / floor.readyMs.p50, TARGETS.ready, "×") : "",
        cpuMs ? ms(cpuMs.p50) : "",
      ];
    }),
  );
}

function idleTable({ programs, idle, minutes }: Report): string {
  return table(
    [
      `idle for ${minutes} min`,
      "RSS",
      "anonymous",
      `RSS ÷ floor (≤ ${TARGETS.rss})`,
      `processor (< ${TARGETS.cpuPercent} %)`,
      "wake-ups/s",
    ],
    idle.map(({ program, afterStart: { memory, cpuPercent, wakeUpsPerSecond } }) => {
      const floorName = programs.find(({ name }) => name === program)?.floor;
      const floor = idle.find((one) => one.program === floorName)?.afterStart.memory;
      return [
        titleOf(programs, program),
        mib(memory.rss),
        mib(memory.anonymous),
        floor ? judged(memory.rss / floor.rss, TARGETS.rss, "×") : "",
        judged(cpuPercent, TARGETS.cpuPercent, "%"),
        wakeUpsPerSecond.toFixed(1),
      ];
    }),
  );
}

function workTable({ programs, idle, minutes }: Report): string {
  const worked = idle.filter(({ work }) => work !== null);
  const [first] = worked;
  return table(
    [
      `idle for ${minutes} min after ${first?.work?.packages ?? 0} packages`,
      "RSS",
      "anonymous",
      "most",
      `processor (< ${TARGETS.cpuPercent} %)`,
      "processor for a package",
    ],
    worked.map(({ program, work }) => {
      const { after: { memory, cpuPercent }, cpuMsPerPackage } = work!;
      return [
        titleOf(programs, program),
        mib(memory.rss),
        mib(memory.anonymous),
        mib(memory.most),
        judged(cpuPercent, TARGETS.cpuPercent, "%"),
        ms(cpuMsPerPackage),
      ];
    }),
  );
}

function sizeTable(sizes: readonly Size[]): string {
  return table(
    ["file", "size", "compressed"],
    sizes.map((
      { file, mib: size, compressedMib },
    ) => [`\`${file}\``, size === null ? "" : mib(size), mib(compressedMib)]),
  );
}

function packageTable(packages: readonly PackageCost[]): string {
  return table(
    ["package, by itself", "loaded", "import", "RSS"],
    packages.map(({ specifier, isLoadedAtStart, importMs, rss }) => [
      `\`${specifier}\``,
      isLoadedAtStart ? "at start" : "not at start",
      ms(importMs),
      mib(rss),
    ]),
  );
}

function titleOf(programs: Report["programs"], name: string): string {
  return programs.find((program) => program.name === name)?.title ?? name;
}

function judged(value: number, limit: number, unit: string): string {
  return `${value.toFixed(2)} ${unit}${value <= limit ? "" : " **missed**"}`;
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

function mib(value: number): string {
  return `${value.toFixed(1)} MiB`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = line(head.map((_, column) => column === 0 ? "---" : "--:"));
  return [line(head), rule, ...rows.map(line)].join("\n");
}
