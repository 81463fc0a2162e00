/** The source as it goes into a release: a copy, in which the facts of this build are filled in. */
import { sha256 } from "./checksums.ts";
import { run } from "../testbed/command.ts";

export interface BuildFacts {
  /** Full hash of the commit; null where nothing says which one it is, or the tree differs from it. */
  readonly commit: string | null;
  /** Hexadecimal SHA-256 of deno.lock. */
  readonly lockDigest: string;
  /** Version of the Deno that makes the bundle, and is to run it. */
  readonly bundledBy: string;
}

const SOURCES = ["main.ts", "deno.json", "deno.lock", "src"];
const FACTS = "src/build.json";

export async function buildFacts(commit: string | undefined): Promise<BuildFacts> {
  return {
    commit: commit ?? await committed(),
    lockDigest: sha256(await Deno.readFile("deno.lock")),
    bundledBy: Deno.version.deno,
  };
}

/** null unless everything that goes into the release is committed. */
async function committed(): Promise<string | null> {
  const changed = await run("git", ["status", "--porcelain", "--", ...SOURCES]);
  const head = await run("git", ["rev-parse", "HEAD"]);
  return changed.ok && changed.out === "" && head.ok ? head.out : null;
}

/** @param folder exists, and is empty */
export async function stageSources(folder: string, facts: BuildFacts): Promise<void> {
  for (const path of SOURCES) await copy(path, `${folder}/${path}`);
  await Deno.writeTextFile(`${folder}/${FACTS}`, JSON.stringify(facts));
}

/** A file, or a folder with all that is in it. */
export async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}
