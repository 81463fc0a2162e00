/** A root on the real disk for one test, and what stands in it byte by byte and bit by bit. */
import { realpath } from "node:fs/promises";
import { type FileRoot, RootedFiles } from "../../src/adapters/host_files.ts";
import { formatMode } from "../../src/core/host_file.ts";
import type { FileTree } from "../../src/runtime.ts";
import { systemTree } from "../../src/runtime_deno/file_tree.ts";

export interface HostTree {
  /** Absolute. */
  readonly path: string;
  readonly root: FileRoot;
  readonly ownUid: number;
  files(options?: { readonly tree?: FileTree; readonly root?: Partial<FileRoot> }): RootedFiles;
  write(path: string, text: string | Uint8Array, mode?: number): Promise<void>;
  /** By path: `0644 text`, or `0755 folder`. */
  snapshot(): Promise<Record<string, string>>;
}

export async function withHostTree(work: (host: HostTree) => Promise<void>): Promise<void> {
  const folder = `./reports/test/${crypto.randomUUID()}`;
  await Deno.mkdir(`${folder}/web`, { recursive: true });
  try {
    await work(await openTree(`${folder}/web`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** @param folder a directory that is there */
export async function openTree(folder: string): Promise<HostTree> {
  const path = await realpath(folder);
  const root = { name: "web", path, maxMode: 0o755, maxBytes: 65_536, owner: undefined };
  const ownUid = (await Deno.lstat(path)).uid!;
  return {
    path,
    root,
    ownUid,
    files: ({ tree = systemTree, root: changes = {} } = {}) =>
      new RootedFiles(tree, [{ ...root, ...changes }], ownUid),
    async write(name, text, mode = 0o644) {
      const file = `${path}/${name}`;
      await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      await (typeof text === "string"
        ? Deno.writeTextFile(file, text)
        : Deno.writeFile(file, text));
      await Deno.chmod(file, mode);
    },
    snapshot: () => snapshotOf(path, ""),
  };
}

async function snapshotOf(path: string, prefix: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { name } of Deno.readDir(path)) {
    const entry = (await systemTree.lstat(`${path}/${name}`))!;
    const mode = formatMode(entry.mode);
    if (entry.type !== "directory") {
      found[prefix + name] = `${mode} ${(await Deno.readFile(`${path}/${name}`)).toBase64()}`;
      continue;
    }
    found[prefix + name] = `${mode} folder`;
    Object.assign(found, await snapshotOf(`${path}/${name}`, `${prefix}${name}/`));
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => a < b ? -1 : 1));
}
