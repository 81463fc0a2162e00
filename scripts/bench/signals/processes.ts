/** Programs that run for the length of the bench; what they say goes to a log each. */

export class Processes implements AsyncDisposable {
  readonly #running: Deno.ChildProcess[] = [];

  /** @param folder where the log goes, `<name>.log` */
  constructor(private readonly folder: string) {}

  /** @returns its process id */
  async start(name: string, program: string, args: readonly string[]): Promise<number> {
    const child = await this.#spawn(name, program, args, "null");
    return child.pid;
  }

  /** A program whose standard output is read. */
  async open(name: string, program: string, args: readonly string[]) {
    const child = await this.#spawn(name, program, args, "piped");
    return { pid: child.pid, stdout: child.stdout };
  }

  async stop(pid: number): Promise<void> {
    const child = this.#running.find((one) => one.pid === pid);
    if (!child) return;
    this.#running.splice(this.#running.indexOf(child), 1);
    child.kill("SIGTERM");
    await child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { pid } of this.#running.toReversed()) await this.stop(pid);
  }

  async #spawn(
    name: string,
    program: string,
    args: readonly string[],
    stdout: "null" | "piped",
  ): Promise<Deno.ChildProcess> {
    const log = await Deno.open(`${this.folder}/${name}.log`, { create: true, append: true });
    const child = new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout,
      stderr: "piped",
    }).spawn();
    child.stderr.pipeTo(log.writable).catch(() => {});
    this.#running.push(child);
    return child;
  }
}
