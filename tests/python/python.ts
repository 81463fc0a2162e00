/** The verifier in Python, run on many paths at a time; where there is no Python, a line says so. */
import { print } from "../../scripts/testbed/print.ts";

const PROGRAM = "scripts/verify_audit_log.py";
/** A command line holds that many paths with ease. */
const BATCH = 400;

export interface Verdict {
  readonly ok: boolean;
  readonly code?: string;
  readonly message?: string;
  readonly file?: string;
  readonly line?: number;
  readonly sequence?: number;
  readonly [member: string]: unknown;
}

export interface PythonOptions {
  readonly publicKey?: string;
  readonly checkpoint?: string;
}

const version = await findPython();

async function findPython(): Promise<string | null> {
  try {
    const { success, stdout } = await new Deno.Command("python3", { args: ["--version"] }).output();
    return success ? new TextDecoder().decode(stdout).trim() : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

export function pythonTest(name: string, work: () => Promise<void>): void {
  if (version === null) print(`ignored: ${name}: there is no python3 on the PATH`);
  Deno.test({ name, ignore: version === null, fn: work });
}

/** One verdict for each path, in their order. */
export async function verifyInPython(
  paths: readonly string[],
  { publicKey, checkpoint }: PythonOptions = {},
): Promise<Verdict[]> {
  const options = [
    ...(publicKey === undefined ? [] : ["--public-key", publicKey]),
    ...(checkpoint === undefined ? [] : ["--checkpoint", checkpoint]),
  ];
  const verdicts: Verdict[] = [];
  for (let from = 0; from < paths.length; from += BATCH) {
    const batch = paths.slice(from, from + BATCH);
    const { code, stdout, stderr } = await new Deno.Command("python3", {
      args: ["-I", PROGRAM, "--json", ...options, ...batch],
    }).output();
    const decoder = new TextDecoder();
    const lines = decoder.decode(stdout).trim().split("\n");
    if (lines.length !== batch.length) throw new Error(decoder.decode(stderr));
    const found: Verdict[] = lines.map((line) => JSON.parse(line));
    if (code !== (found.every(({ ok }) => ok) ? 0 : 1)) throw new Error(`exit code ${code}`);
    verdicts.push(...found);
  }
  return verdicts;
}
