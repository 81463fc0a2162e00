/** `deno bundle` of the staged source: minified chunks under names that are the same on every machine. */
import { renameChunks } from "./chunk_names.ts";
import { Failure, runChecked } from "./failure.ts";

export const ENTRY = "main.js";

export interface Bundle {
  /** By name. */
  readonly files: ReadonlyMap<string, string>;
  /** Of every module that left something in the bundle: absolute paths. */
  readonly sources: readonly string[];
}

/** @param staged folder that `stageSources` filled; `out` is made beside it */
export async function bundle(staged: string): Promise<Bundle> {
  const out = `${staged}/out`;
  await runChecked(Deno.execPath(), [
    "bundle",
    "--quiet",
    "--frozen-lockfile",
    "--minify",
    "--code-splitting",
    // Read for what is in the bundle, and not shipped.
    "--sourcemap=external",
    "--outdir",
    out,
    "main.ts",
  ], { cwd: staged });
  const files = new Map<string, string>();
  const sources = new Set<string>();
  for await (const { name } of Deno.readDir(out)) {
    const text = await Deno.readTextFile(`${out}/${name}`);
    if (name.endsWith(".js")) files.set(name, text);
    else if (name.endsWith(".js.map")) {
      for (const source of sourcesOf(text)) sources.add(new URL(source, `file://${out}/`).pathname);
    } else throw new Failure(`deno bundle made ${name}, which is neither code nor its map`);
  }
  return { files: renameChunks(files, ENTRY), sources: [...sources].sort() };
}

function sourcesOf(map: string): readonly string[] {
  return (JSON.parse(map) as { sources: string[] }).sources;
}

/** Times of files go into a binary, so all files get the same. @param folder is made */
export async function writeBundle({ files }: Bundle, folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, text] of files) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
    await Deno.utime(`${folder}/${name}`, 0, 0);
  }
}
