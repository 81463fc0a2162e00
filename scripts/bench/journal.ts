/** How start-up, listing and memory grow with the executions that have ended. */
import { quantile } from "./statistics.ts";

const SIZES = [10, 100, 1000, 10_000];
/** Each in a process of its own; the median counts. */
const TIMES = 5;
const PROGRAM = "scripts/bench/journal_program.ts";

export interface JournalSize {
  readonly ended: number;
  /** Milliseconds until a new process has opened the book. */
  readonly openMs: number;
  /** Milliseconds for the newest ten, as people see them. */
  readonly listMs: number;
  /** Of that process, the journal open and listed. */
  readonly rssMiB: number;
}

/** @param folder made here, and removed */
export async function measureJournal(
  folder: string,
  progress: (ended: number) => void,
): Promise<JournalSize[]> {
  const sizes: JournalSize[] = [];
  try {
    for (const ended of SIZES) {
      progress(ended);
      await runProgram("fill", folder, String(ended));
      const times: Omit<JournalSize, "ended">[] = [];
      for (let time = 0; time < TIMES; time++) {
        times.push(JSON.parse(await runProgram("measure", folder)));
      }
      sizes.push({
        ended,
        openMs: quantile(times.map(({ openMs }) => openMs), 0.5),
        listMs: quantile(times.map(({ listMs }) => listMs), 0.5),
        rssMiB: quantile(times.map(({ rssMiB }) => rssMiB), 0.5),
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return sizes;
}

/** In a process of its own, whose memory holds nothing else. */
async function runProgram(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-P=simulate", "--no-prompt", "--quiet", PROGRAM, ...args],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(`${PROGRAM} ${args[0]}: ${decoder.decode(stderr)}`);
}
