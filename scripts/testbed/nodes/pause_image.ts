/** The image of a pod's first container, made of one static program: no registry is asked. */
import { run } from "../command.ts";
import { PAUSE_IMAGE } from "./node_files.ts";

/**
 * Writes an archive as `docker save` does, for `ctr images import`; its path. Throws an Error when tar
 * fails.
 * @param program static; `catatonit -P` sleeps until it is told to end, and takes in orphans
 */
export async function writePauseImage(folder: string, program: string): Promise<string> {
  const content = `${folder}/pause`;
  await Deno.mkdir(`${content}/layer`, { recursive: true });
  await Deno.copyFile(program, `${content}/layer/pause`);
  await pack(`${content}/layer`, `${content}/layer.tar`, "pause");
  const layer = new Uint8Array(await Deno.readFile(`${content}/layer.tar`));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", layer)).toHex();
  await Deno.writeTextFile(
    `${content}/config.json`,
    JSON.stringify({
      architecture: Deno.build.arch === "aarch64" ? "arm64" : "amd64",
      os: "linux",
      config: { Entrypoint: ["/pause", "-P"], User: "65535:65535" },
      rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
    }),
  );
  await Deno.writeTextFile(
    `${content}/manifest.json`,
    JSON.stringify([{ Config: "config.json", RepoTags: [PAUSE_IMAGE], Layers: ["layer.tar"] }]),
  );
  await pack(content, `${folder}/pause.tar`, "manifest.json", "config.json", "layer.tar");
  return `${folder}/pause.tar`;
}

async function pack(folder: string, archive: string, ...names: string[]): Promise<void> {
  const { ok, problem } = await run("tar", ["-C", folder, "-cf", archive, ...names]);
  if (!ok) throw new Error(`tar: ${problem}`);
}
