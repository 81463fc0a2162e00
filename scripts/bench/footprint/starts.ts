/** From the start of the process to its readiness, in turns, so that drift hits all alike. */
import { type Spread, spreadOf } from "../statistics.ts";
import { type Memory, readActivity, readMemory } from "./process_status.ts";
import type { Program } from "./programs.ts";
import { Running } from "./running.ts";
import type { Site } from "./sites.ts";

/** The first ones fill the runtime's caches of what it has compiled. */
const WARM_UP = 2;

export interface Starts {
  readonly program: string;
  readonly answeringMs: Spread;
  readonly readyMs: Spread;
  /** What it spent of processors until then, on however busy a machine; null where that is not its process. */
  readonly cpuMs: Spread | null;
  /** At readiness, of the last run. */
  readonly memory: Memory | null;
}

export async function measureStarts(
  programs: readonly Program[],
  siteOf: (program: Program) => Site,
  runs: number,
  progress: (done: number, of: number) => void,
): Promise<Starts[]> {
  const measured = programs.map((program) => ({
    program,
    answering: [] as number[],
    ready: [] as number[],
    cpu: [] as number[],
    memory: null as Memory | null,
  }));
  for (let run = -WARM_UP; run < runs; run += 1) {
    for (const one of measured) {
      const running = await Running.start(one.program, siteOf(one.program));
      const { answeringMs, readyMs } = running.times;
      if (!one.program.isPacked) {
        one.memory = await readMemory(running.pid);
        const { cpuMs } = await readActivity(running.pid);
        if (run >= 0) one.cpu.push(cpuMs);
      }
      await running.stop();
      if (run < 0) continue;
      one.answering.push(answeringMs);
      one.ready.push(readyMs);
    }
    if (run >= 0) progress(run + 1, runs);
  }
  return measured.map(({ program, answering, ready, cpu, memory }) => ({
    program: program.name,
    answeringMs: spreadOf(answering),
    readyMs: spreadOf(ready),
    cpuMs: cpu.length > 0 ? spreadOf(cpu) : null,
    memory,
  }));
}
