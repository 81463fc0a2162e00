/** What each process holds and spends while nobody asks anything of it: after its start, and after work. */
import type { Peers } from "./peers.ts";
import { type Memory, readActivity, readMemory, wakeUpsBetween } from "./process_status.ts";
import type { Program } from "./programs.ts";
import { Running } from "./running.ts";
import type { Site } from "./sites.ts";

/** What belongs to the start is over by then. */
const SETTLE_MS = 15_000;
const MS_PER_MINUTE = 60_000;

export interface Rest {
  readonly memory: Memory;
  /** Of one core, in per cent. */
  readonly cpuPercent: number;
  readonly wakeUpsPerSecond: number;
}

export interface Idle {
  readonly program: string;
  readonly afterStart: Rest;
  /** null for the floor, which does no work. */
  readonly work: Work | null;
}

export interface Work {
  readonly packages: number;
  /** Of processors, for one package, in all threads. */
  readonly cpuMsPerPackage: number;
  readonly after: Rest;
}

export interface IdleOptions {
  readonly minutes: number;
  readonly packages: number;
  readonly progress: (what: string) => void;
}

/** All at the same time, so that a busy machine troubles all alike; the packages one agent after another. */
export async function measureIdle(
  programs: readonly Program[],
  siteOf: (program: Program) => Site,
  peers: Peers,
  { minutes, packages, progress }: IdleOptions,
): Promise<Idle[]> {
  const all: { program: Program; running: Running }[] = [];
  try {
    for (const program of programs) {
      all.push({ program, running: await Running.start(program, siteOf(program)) });
    }
    progress(`idle for ${minutes} min after the start`);
    const afterStart = await rest(all.map(({ running }) => running), minutes);
    const costs: number[] = [];
    for (const { program, running: { pid } } of all) {
      if (program.floor === null) {
        costs.push(0);
        continue;
      }
      progress(`${packages} packages for ${program.name}`);
      const before = await readActivity(pid);
      await peers.push({ agent: siteOf(program).name, packages });
      costs.push(((await readActivity(pid)).cpuMs - before.cpuMs) / packages);
    }
    progress(`idle for ${minutes} min after ${packages} packages`);
    const afterPackages = await rest(all.map(({ running }) => running), minutes);
    return all.map(({ program }, index) => ({
      program: program.name,
      afterStart: afterStart[index]!,
      work: program.floor === null
        ? null
        : { packages, cpuMsPerPackage: costs[index]!, after: afterPackages[index]! },
    }));
  } finally {
    for (const { running } of all) await running.stop();
  }
}

async function rest(processes: readonly Running[], minutes: number): Promise<Rest[]> {
  await wait(SETTLE_MS);
  const beginMs = performance.now();
  const before = await Promise.all(processes.map(({ pid }) => readActivity(pid)));
  await wait(minutes * MS_PER_MINUTE);
  const after = await Promise.all(processes.map(({ pid }) => readActivity(pid)));
  const elapsedMs = performance.now() - beginMs;
  return await Promise.all(processes.map(async ({ pid }, index) => ({
    memory: await readMemory(pid),
    cpuPercent: 100 * (after[index]!.cpuMs - before[index]!.cpuMs) / elapsedMs,
    wakeUpsPerSecond: 1000 * wakeUpsBetween(before[index]!, after[index]!) / elapsedMs,
  })));
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
