/** Running programs that find, fetch or build a peer. */

export interface Ran {
  readonly ok: boolean;
  /** Standard output. */
  readonly out: string;
  /** The last line of what it said when it failed. */
  readonly problem: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Ends the program. */
  readonly signal?: AbortSignal;
}

/** Never throws: a program that is not there is a failure like any other. */
export async function run(
  program: string,
  args: readonly string[],
  { env = {}, cwd, signal }: RunOptions = {},
): Promise<Ran> {
  const decoder = new TextDecoder();
  try {
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args: [...args],
      env: { ...env },
      ...(cwd === undefined ? {} : { cwd }),
      ...(signal === undefined ? {} : { signal }),
      stdin: "null",
    }).output();
    if (signal?.aborted) return { ok: false, out: "", problem: "no time was left for it" };
    const said = `${decoder.decode(stdout)}\n${decoder.decode(stderr)}`.trim().split("\n");
    return { ok: success, out: decoder.decode(stdout).trim(), problem: said.at(-1)!.slice(0, 200) };
  } catch (error) {
    return { ok: false, out: "", problem: `${program}: ${(error as Error).message}` };
  }
}

/** The absolute path of a program on PATH; null when there is none. */
export async function which(name: string): Promise<string | null> {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    const path = `${folder}/${name}`;
    if (folder !== "" && await isFile(path)) return path;
  }
  return null;
}

export async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
