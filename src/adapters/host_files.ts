/**
 * Files under the configured roots. Others may write there at any moment, and Deno has no openat: so each
 * folder on the way is looked at before and after, and what is moved into place is known by its inode. A
 * folder that becomes a link in between leads the last step to a name that is not there.
 */
import { RefusedError } from "../errors.ts";
import { sha256Hex } from "../core/encoding.ts";
import { formatMode, type HostFile, OWN_PREFIX } from "../core/host_file.ts";
import type { HostFiles, Place, Sight } from "../execution/host_files.ts";
import type { FileTree, TreeEntry } from "../runtime.ts";

export interface FileRoot {
  readonly name: string;
  /** Absolute, and with every link resolved. */
  readonly path: string;
  readonly maxMode: number;
  readonly maxBytes: number;
  /** Whose files may be replaced, besides the connector's own. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

/** A folder, and every folder on the way to it as it was seen. */
interface Way {
  readonly directory: string;
  readonly identities: readonly string[];
  readonly missing: readonly string[];
}

export class RootedFiles implements HostFiles {
  readonly #roots: ReadonlyMap<string, FileRoot>;

  /** @param ownUid of the connector's user */
  constructor(
    private readonly tree: FileTree,
    roots: readonly FileRoot[],
    private readonly ownUid: number,
  ) {
    this.#roots = new Map(roots.map((root) => [root.name, root]));
  }

  async look(place: Place): Promise<Sight> {
    const root = this.#rootOf(place);
    const { directory, missing } = await this.#walk(root, foldersOf(place));
    const absent = { file: null, missing, identity: null };
    if (missing.length > 0) return absent;
    const target = `${directory}/${nameOf(place)}`;
    const entry = await this.tree.lstat(target);
    if (!entry) return absent;
    const name = formatPlace(place);
    this.#checkTarget(root, name, entry);
    const opened = await this.tree.read(target, root.maxBytes);
    const isSame = opened?.entry.identity === entry.identity &&
      await this.tree.realPath(target) === target;
    if (!opened || !isSame) throw refused(`${name} changed while it was being read`);
    if (opened.bytes.length > root.maxBytes) throw tooLarge(root, name);
    const { uid, gid, mode, identity } = opened.entry;
    const foreignOwner = uid === this.ownUid ? null : `${uid}:${gid}`;
    return { file: { mode, content: opened.bytes, foreignOwner }, missing: [], identity };
  }

  check(place: Place, { mode, content }: HostFile): void {
    const root = this.#rootOf(place);
    checkMode(root, formatPlace(place), mode);
    if (content.length > root.maxBytes) throw tooLarge(root, formatPlace(place));
  }

  async put(place: Place, file: HostFile, seen: Sight): Promise<void> {
    this.check(place, file);
    const root = this.#rootOf(place);
    const name = formatPlace(place);
    await this.#makeFolders(root, foldersOf(place));
    const way = await this.#walk(root, foldersOf(place));
    const target = `${way.directory}/${nameOf(place)}`;
    const temporary = temporaryOf(way.directory, place);
    await this.tree.remove(temporary);
    const written = await this.tree.create(temporary, file.content, file.mode);
    if (!written) throw refused(`${temporary} was made by someone else`);
    try {
      await this.#assertStill(root, place, way, temporary, written.identity);
      await this.#assertSeen(name, target, seen);
      if (!await this.tree.rename(temporary, target)) throw moved(name);
    } catch (error) {
      await this.tree.remove(temporary).catch(() => {});
      throw error;
    }
    await this.#assertStill(root, place, way, target, written.identity);
  }

  async remove(place: Place, seen: Sight): Promise<void> {
    if (seen.identity === null) return;
    const root = this.#rootOf(place);
    const name = formatPlace(place);
    const way = await this.#walk(root, foldersOf(place));
    const target = `${way.directory}/${nameOf(place)}`;
    await this.#assertSeen(name, target, seen);
    // Set aside first: should it not be what was seen, it can be put back. Into a folder of our own, so
    // that nothing is moved where that folder is not.
    const aside = asideOf(way.directory, place);
    await this.tree.makeDirectory(aside);
    const set = `${aside}/${nameOf(place)}`;
    if (!await this.tree.rename(target, set)) throw moved(name);
    try {
      await this.#assertStill(root, place, way, set, seen.identity);
    } catch (error) {
      await this.tidy(place);
      throw error;
    }
    await this.tree.remove(set);
    await this.tree.removeDirectory(aside);
  }

  async removeFolders(root: string, folders: readonly string[]): Promise<void> {
    for (const folder of [...folders].reverse()) {
      const parts = folder.split("/");
      const { directory, missing } = await this.#walk(this.#rootOf({ root }), parts);
      if (missing.length === 0) await this.tree.removeDirectory(directory);
    }
  }

  async tidy(place: Place): Promise<void> {
    const { directory, missing } = await this.#walk(this.#rootOf(place), foldersOf(place));
    if (missing.length > 0) return;
    await this.tree.remove(temporaryOf(directory, place));
    const target = `${directory}/${nameOf(place)}`;
    const aside = asideOf(directory, place);
    const set = `${aside}/${nameOf(place)}`;
    if (await this.tree.lstat(target) === null) await this.tree.rename(set, target);
    else await this.tree.remove(set);
    await this.tree.removeDirectory(aside);
  }

  #rootOf({ root: name }: Pick<Place, "root">): FileRoot {
    const root = this.#roots.get(name);
    if (root) return root;
    const known = [...this.#roots.keys()].join(", ");
    throw new RefusedError(
      "not_found",
      `This host has no root ${name}: ${known ? `its roots are ${known}` : "it has none"}`,
      { hint: "name it under execution.files.roots, or correct the package" },
    );
  }

  async #walk(root: FileRoot, folders: readonly string[]): Promise<Way> {
    const identities: string[] = [];
    let directory = root.path;
    for (const [index, folder] of [null, ...folders].entries()) {
      if (folder !== null) directory += `/${folder}`;
      const entry = await this.tree.lstat(directory);
      if (!entry && folder !== null) {
        const missing = folders.slice(index - 1)
          .map((_, more) => folders.slice(0, index + more).join("/"));
        return { directory: [root.path, ...folders].join("/"), identities, missing };
      }
      if (entry?.type !== "directory") {
        const what = entry ? describeType(entry) : "gone";
        throw refused(`${directory} is ${what}, and must be a directory`, NO_LINKS);
      }
      identities.push(entry.identity);
    }
    return { directory, identities, missing: [] };
  }

  async #makeFolders(root: FileRoot, folders: readonly string[]): Promise<void> {
    const { missing } = await this.#walk(root, folders);
    for (const folder of missing) {
      const parts = folder.split("/");
      // Looked at again: what was made last may be something else by now.
      await this.#walk(root, parts.slice(0, -1));
      await this.tree.makeDirectory(`${root.path}/${folder}`);
    }
  }

  #checkTarget(root: FileRoot, name: string, entry: TreeEntry): void {
    if (entry.type !== "file") {
      throw refused(`${name} is ${describeType(entry)}, and must be a regular file`, NO_LINKS);
    }
    if (entry.links !== 1) {
      throw refused(`${name} has ${entry.links} hard links: it is another file as well`, NO_LINKS);
    }
    checkMode(root, name, entry.mode);
    if (entry.size > root.maxBytes) throw tooLarge(root, name);
    const { owner } = root;
    const isOwners = entry.uid === owner?.uid && entry.gid === owner.gid;
    if (entry.uid !== this.ownUid && !isOwners) {
      throw refused(
        `${name} is owned by ${entry.uid}:${entry.gid}, not by the connector's user`,
        "give it to the connector's user, or name its owner in execution.files.roots",
      );
    }
  }

  /** The way leads where it led, and at its end, under `path`, is that one file. */
  async #assertStill(root: FileRoot, place: Place, way: Way, path: string, identity: string) {
    const entry = await this.tree.lstat(path);
    const now = await this.#walk(root, foldersOf(place));
    const isSame = entry?.identity === identity && entry.links === 1 && entry.type === "file" &&
      now.identities.join() === way.identities.join() &&
      await this.tree.realPath(path) === path;
    if (!isSame) throw moved(formatPlace(place));
  }

  async #assertSeen(name: string, target: string, { identity }: Sight): Promise<void> {
    const entry = await this.tree.lstat(target);
    if ((entry?.identity ?? null) === identity) return;
    throw new RefusedError("plan_changed", `${name} was replaced by someone else meanwhile`);
  }
}

const NO_LINKS = "the connector follows no link; let folders and files of a root be real ones";

function foldersOf({ path }: Place): string[] {
  return path.split("/").slice(0, -1);
}

function nameOf({ path }: Place): string {
  return path.split("/").at(-1)!;
}

/** Always the same for one file, so that the next attempt finds what a crash left. */
function temporaryOf(directory: string, place: Place): string {
  return `${directory}/${OWN_PREFIX}${sha256Hex(nameOf(place)).slice(0, 16)}.tmp`;
}

function asideOf(directory: string, place: Place): string {
  return `${directory}/${OWN_PREFIX}${sha256Hex(nameOf(place)).slice(0, 16)}.aside`;
}

function formatPlace({ root, path }: Place): string {
  return `${root}/${path}`;
}

function checkMode({ name: root, maxMode }: FileRoot, name: string, mode: number): void {
  if ((mode & ~maxMode) === 0) return;
  throw refused(
    `${name}: mode ${formatMode(mode)} is more than the ${formatMode(maxMode)} of root ${root}`,
    "ask for less, or raise maxMode of the root; setuid, setgid and sticky are never allowed",
  );
}

function tooLarge({ name: root, maxBytes }: FileRoot, name: string): RefusedError {
  return refused(
    `${name} has more than the ${maxBytes} bytes of root ${root}`,
    "raise maxBytes of the root, or take the file out of it",
  );
}

function moved(name: string): RefusedError {
  return refused(
    `${name}: its folder was moved, or made a link, while it was being written`,
    "find out who else writes in this root",
  );
}

function describeType({ type }: TreeEntry): string {
  switch (type) {
    case "link":
      return "a symbolic link";
    case "directory":
      return "a directory";
    case "file":
      return "a file";
    case "other":
      return "a device, pipe or socket";
  }
}

function refused(message: string, hint?: string): RefusedError {
  return new RefusedError("file_refused", message, hint === undefined ? {} : { hint });
}
