/** What ends a release, told in words and without a stack. */

export class Failure extends Error {
  override readonly name = "Failure";

  /** @param said all that the program wrote to standard error */
  constructor(message: string, readonly said = "") {
    super(message);
  }
}

export interface CheckedOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Standard output, trimmed. Throws Failure with what the program said. */
export async function runChecked(
  program: string,
  args: readonly string[],
  { cwd, env = {} }: CheckedOptions = {},
): Promise<string> {
  const decoder = new TextDecoder();
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "null",
  }).output();
  if (success) return decoder.decode(stdout).trim();
  const said = decoder.decode(stderr).trim();
  throw new Failure(`${program.split("/").at(-1)} ${args[0]} failed:\n${said}`, said);
}
