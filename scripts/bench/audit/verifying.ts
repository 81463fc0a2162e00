/** `audit verify` beside sha256sum over the same bytes, in turns, each in a process of its own. */
import { quantile } from "../statistics.ts";
import { writeLongLog } from "./write_log.ts";

const PROGRAM = "scripts/bench/audit/verify_program.ts";
const ROUNDS = 5;

interface Took {
  readonly wallMs: number;
  /** All threads, user and system. */
  readonly cpuMs: number;
}

type Run = Took & { readonly peakMiB: number };

export interface VerifyReport {
  readonly records: number;
  readonly bytes: number;
  readonly checkpoints: number;
  readonly sha256sum: Took;
  readonly oneThread: Run;
  readonly threads: Run;
  /** Times as fast as sha256sum; medians of the ratios of each round. */
  readonly ratios: {
    readonly oneThreadWall: number;
    readonly oneThreadCpu: number;
    readonly threadsWall: number;
  };
}

/** @param folder made here, and removed */
export async function measureVerifying(
  folder: string,
  records: number,
  rounds = ROUNDS,
): Promise<VerifyReport> {
  try {
    const { bytes, notes } = await writeLongLog(folder, records);
    const turns: { sum: Took; one: Run; many: Run }[] = [];
    for (let round = 0; round < rounds; round++) {
      turns.push({
        sum: await sha256sum(folder),
        one: await verify(folder, 1, notes),
        many: await verify(folder, navigator.hardwareConcurrency, notes),
      });
    }
    const median = (read: (turn: typeof turns[number]) => number) => quantile(turns.map(read), 0.5);
    const run = (name: "one" | "many"): Run => ({
      wallMs: median((turn) => turn[name].wallMs),
      cpuMs: median((turn) => turn[name].cpuMs),
      peakMiB: Math.max(...turns.map((turn) => turn[name].peakMiB)),
    });
    return {
      records,
      bytes,
      checkpoints: notes.length,
      sha256sum: { wallMs: median(({ sum }) => sum.wallMs), cpuMs: median(({ sum }) => sum.cpuMs) },
      oneThread: run("one"),
      threads: run("many"),
      ratios: {
        oneThreadWall: median(({ sum, one }) => sum.wallMs / one.wallMs),
        oneThreadCpu: median(({ sum, one }) => sum.cpuMs / one.cpuMs),
        threadsWall: median(({ sum, many }) => sum.wallMs / many.wallMs),
      },
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function verify(
  folder: string,
  threads: number,
  notes: readonly string[],
): Promise<Run> {
  const out = await output(Deno.execPath(), [
    // All, as nothing less may read how much memory a process had.
    ...["run", "--allow-all", "--no-prompt", "--quiet"],
    ...[PROGRAM, folder, String(threads), ...notes],
  ]);
  const { code, words, wallMs, cpuMs, peakMiB } = JSON.parse(out);
  const expected = `${notes.length} checkpoints`;
  if (code !== 0 || !words.endsWith(expected)) throw new Error(`${words}, expected ${expected}`);
  return { wallMs, cpuMs, peakMiB };
}

async function sha256sum(folder: string): Promise<Took> {
  const begun = performance.now();
  const script = `for file in "$0"/*.jsonl; do sha256sum "$file" >/dev/null || exit 1; done; times`;
  const out = await output("sh", ["-c", script, folder]);
  const wallMs = performance.now() - begun;
  // The children's line: `0m0.430000s 0m0.190000s`.
  const [user, system] = out.trim().split("\n").at(-1)!.split(" ").map((time) => {
    const [, minutes, seconds] = /(\d+)m([\d.]+)s/.exec(time)!;
    return (Number(minutes) * 60 + Number(seconds)) * 1000;
  });
  return { wallMs, cpuMs: user! + system! };
}

async function output(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(`${program}: ${decoder.decode(stderr)}`);
}
