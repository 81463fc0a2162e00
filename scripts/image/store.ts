/** A store of images for the length of a build: nothing of it stays but what is taken out of it. */
import { Failure, runChecked } from "../release/failure.ts";
import { findBuildah } from "../testbed/programs/podman.ts";

export interface BuildOptions {
  readonly containerfile: string;
  /** Stage of it; default: the last one. */
  readonly target?: string;
  readonly context: string;
  readonly tag: string;
  readonly epochSeconds: number;
  readonly buildArguments?: Readonly<Record<string, string>>;
}

export class Store implements AsyncDisposable {
  private constructor(private readonly buildah: string, private readonly folder: string) {}

  /** Throws Failure when there is no buildah. */
  static async open(): Promise<Store> {
    const buildah = await findBuildah();
    if ("why" in buildah) throw new Failure(buildah.why);
    return new Store(buildah.program, await Deno.makeTempDir({ prefix: "neuralops-image-" }));
  }

  /** Goes with the store. */
  async makeFolder(name: string): Promise<string> {
    await Deno.mkdir(`${this.folder}/${name}`);
    return `${this.folder}/${name}`;
  }

  async build(options: BuildOptions): Promise<void> {
    const { containerfile, target, context, tag, epochSeconds, buildArguments = {} } = options;
    await this.#run("build", [
      ...["--file", containerfile, "--tag", tag, "--timestamp", String(epochSeconds)],
      ...["--layers=false", "--isolation=chroot", "--format=oci", "--pull-never"],
      // Which buildah made it must not make it another image.
      "--identity-label=false",
      ...(target ? ["--target", target] : []),
      ...Object.entries(buildArguments).flatMap((
        [name, value],
      ) => ["--build-arg", `${name}=${value}`]),
      context,
    ]);
  }

  /** @param archive is replaced */
  async save(tag: string, archive: string): Promise<void> {
    await Deno.remove(archive).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    await this.#run("push", [
      "--compression-format=zstd",
      "--compression-level=9",
      tag,
      `oci-archive:${archive}:${tag}`,
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }

  async #run(command: string, args: readonly string[]): Promise<void> {
    await runChecked(this.buildah, [
      // Without overlays nothing stays mounted, whatever happens.
      ...[
        "--storage-driver=vfs",
        "--root",
        `${this.folder}/store`,
        "--runroot",
        `${this.folder}/run`,
      ],
      command,
      ...args,
    ]);
  }
}
