/** The image under podman, as docs/image.md runs it, and an empty program in the same image. */
import config from "../../../deno.json" with { type: "json" };
import { archiveOf, FLAVOURS } from "../../image/flavours.ts";
import { HARDENED } from "../../image/hardened.ts";
import { nameOf } from "../../image/image.ts";
import { runChecked } from "../../release/failure.ts";
import { isFile } from "../../testbed/command.ts";
import { findPodman } from "../../testbed/programs/podman.ts";
import type { CompiledFloor } from "./floor.ts";
import { DIST, type Program } from "./programs.ts";
import { CONFIG_FILE, SHIPPED_HOME, type Site } from "./sites.ts";

export interface ImagePrograms extends AsyncDisposable {
  readonly programs: readonly Program[];
  /** Why there are none; "" when there are. */
  readonly why: string;
}

/** @param work absolute; folder for podman's store */
export async function findImagePrograms(
  work: string,
  floor: () => Promise<CompiledFloor | null>,
): Promise<ImagePrograms> {
  const none = (why: string): ImagePrograms => ({
    programs: [],
    why: `the image: ${why}`,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
  const flavour = FLAVOURS.compiled;
  const archive = archiveOf(DIST, flavour);
  if (!await isFile(archive)) return none(`there is no ${archive}, see deno task image`);
  if (Deno.uid() !== 0) return none("podman takes the user root here");
  const podman = await findPodman();
  if ("why" in podman) return none(podman.why);
  const empty = await floor();
  if (!empty) return none("there is no base to compile the empty program on");

  // podman refuses a path of more than fifty letters here.
  const runFolder = `/run/neuralops-${crypto.randomUUID().slice(0, 8)}`;
  const store = `${work}/podman`;
  const roots = ["--storage-driver=overlay", "--root", store, "--runroot", runFolder];
  await runChecked(podman.program, [...roots, "load", "--quiet", "--input", archive]);
  const image = nameOf({ version: config.version, flavour });
  const run = (...args: readonly string[]) => ({
    program: podman.program,
    args: [...roots, "run", "--rm", "--network=host", ...HARDENED, ...args],
  });
  const agent = ({ folder, home }: Site) =>
    run(
      ...["--volume", `${folder}:${SHIPPED_HOME}:U`, image],
      ...["run", "--config", `${home}/${CONFIG_FILE}`],
    );
  // The first process of a PID namespace, which has no handler, cannot be told to end.
  const nothing = ({ port }: Site) =>
    run(
      ...["--pid=host", "--volume", `${empty.path}:/empty:ro`, "--entrypoint=/empty"],
      ...[image, `${port}`],
    );
  const floorName = "image-empty";
  const packed = { isShipped: true, isPacked: true };
  return {
    programs: [
      {
        ...packed,
        name: floorName,
        title: `empty program in the image, podman, Deno ${empty.version}`,
        floor: null,
        command: nothing,
      },
      {
        ...packed,
        name: "image",
        title: `image, podman, Deno ${empty.version}`,
        floor: floorName,
        command: agent,
      },
    ],
    why: "",
    async [Symbol.asyncDispose]() {
      await runChecked(podman.program, [...roots, "rm", "--all", "--force", "--time=0"]);
      await runChecked("umount", [`${store}/overlay`]).catch(() => {});
      await Deno.remove(runFolder, { recursive: true });
    },
  };
}
