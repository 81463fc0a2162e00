/**
 * A disk on which others may write too. Through `node:fs`, which has what Deno's own API lacks:
 * O_NOFOLLOW, fchmod on the open file, and an rmdir that removes directories only.
 */
import { type BigIntStats, constants, promises as fs } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import type { FileTree, TreeEntry } from "../runtime.ts";
import { treeError } from "./disk_error.ts";
import { syncDirectory } from "./files.ts";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const ABSENT = ["ENOENT", "ENOTDIR"];
/** Besides: a link, under O_NOFOLLOW; a socket. */
const NOT_OPENED = [...ABSENT, "ELOOP", "ENXIO"];
const PRIVATE_MODE = 0o600;
const DIRECTORY_MODE = 0o755;

function entryOf(stats: BigIntStats): TreeEntry {
  return {
    type: stats.isFile()
      ? "file"
      : stats.isDirectory()
      ? "directory"
      : stats.isSymbolicLink()
      ? "link"
      : "other",
    identity: `${stats.dev}:${stats.ino}`,
    links: Number(stats.nlink),
    size: Number(stats.size),
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
  };
}

/** @param codes of errors that mean `instead` */
async function unless<T>(
  path: string,
  codes: readonly string[],
  instead: T,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (codes.includes((error as { code?: string }).code ?? "")) return instead;
    throw treeError(error, path);
  }
}

async function using<T>(file: FileHandle, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await file.close();
  }
}

export const systemTree: FileTree = {
  lstat: (path) =>
    unless(path, ABSENT, null, async () => entryOf(await fs.lstat(path, { bigint: true }))),
  realPath: (path) => unless(path, ABSENT, null, async () => await fs.realpath(path)),
  read: (path, maxBytes) =>
    unless(path, NOT_OPENED, null, async () => {
      // A pipe would otherwise wait here for somebody to write into it.
      const file = await fs.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      return await using(file, async () => {
        const entry = entryOf(await file.stat({ bigint: true }));
        if (entry.type !== "file") return null;
        const bytes = new Uint8Array(Math.min(entry.size, maxBytes) + 1);
        let filled = 0;
        while (filled < bytes.length) {
          const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return { entry, bytes: bytes.slice(0, filled) };
      });
    }),
  create: (path, bytes, mode) =>
    unless(path, ["EEXIST"], null, async () => {
      // Nobody else reads it before it has the mode that was asked for.
      const file = await fs.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, PRIVATE_MODE);
      return await using(file, async () => {
        await file.writeFile(bytes);
        await file.chmod(mode);
        await file.sync();
        return entryOf(await file.stat({ bigint: true }));
      });
    }),
  rename: (from, to) =>
    unless(from, [...ABSENT, "EISDIR"], false, async () => {
      await fs.rename(from, to);
      await syncDirectory(dirname(to));
      if (dirname(from) !== dirname(to)) await syncDirectory(dirname(from));
      return true;
    }),
  remove: (path) =>
    unless(path, [...ABSENT, "EISDIR", "ENOTEMPTY"], undefined, async () => {
      // Deno's unlink takes an empty directory too.
      await fs.unlink(path);
      await syncDirectory(dirname(path));
    }),
  makeDirectory: (path) =>
    unless(path, ["EEXIST"], false, async () => {
      await fs.mkdir(path, DIRECTORY_MODE);
      await syncDirectory(dirname(path));
      return true;
    }),
  removeDirectory: (path) =>
    unless(path, [...ABSENT, "ENOTEMPTY", "EEXIST"], false, async () => {
      await fs.rmdir(path);
      await syncDirectory(dirname(path));
      return true;
    }),
};
