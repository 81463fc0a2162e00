/** podman with a store of its own, for the length of a test. */
import { programOf } from "./peers.ts";
import { RunningProgram, runToEnd } from "./process.ts";

export class Podman implements AsyncDisposable {
  private constructor(private readonly folder: string, private readonly runFolder: string) {}

  /** @param archive of an image, is loaded */
  static async open(archive: string): Promise<Podman> {
    const folder = `${Deno.cwd()}/state/real/${crypto.randomUUID()}`;
    await Deno.mkdir(folder, { recursive: true });
    // podman refuses a path of more than fifty letters here.
    const runFolder = `/run/neuralops-${crypto.randomUUID().slice(0, 8)}`;
    const podman = new Podman(folder, runFolder);
    await podman.run("load", "--quiet", "--input", archive);
    return podman;
  }

  /** Standard output; throws unless it succeeds. */
  async run(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runToEnd(programOf("podman"), {
      args: this.#with(args),
    });
    if (code !== 0) throw new Error(`podman ${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  /** A container that runs beside the test; a signal to podman is one to it. */
  start(...args: string[]): RunningProgram {
    return new RunningProgram(programOf("podman"), { args: this.#with(["run", "--rm", ...args]) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run("rm", "--all", "--force", "--time=0");
    await Deno.remove(this.folder, { recursive: true });
    // The tests themselves may not write there.
    const remove = `await Deno.remove("${this.runFolder}", { recursive: true })`;
    await runToEnd(Deno.execPath(), { args: ["eval", "--quiet", remove] });
  }

  #with(args: readonly string[]): string[] {
    // Without overlays nothing stays mounted, whatever happens.
    const roots = ["--root", `${this.folder}/store`, "--runroot", this.runFolder];
    return ["--storage-driver=vfs", ...roots, ...args];
  }
}
