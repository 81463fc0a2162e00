/** How start-up, listing and memory grow with the executions that have ended. */
const SIZES = [10, 100, 1000, 10_000];
const PROGRAM = "scripts/bench/journal_program.ts";

export interface JournalSize {
  readonly ended: number;
  /** Milliseconds until a new process has opened the book. */
  readonly openMs: number;
  /** Milliseconds for the list that people see. */
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
      sizes.push({ ended, ...JSON.parse(await runProgram("measure", folder)) });
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
