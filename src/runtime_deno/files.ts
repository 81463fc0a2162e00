/**
 * The disk. What is durable is fsynced, its directory entry included. Only what may take long leaves this
 * thread: fsync, and reading and writing much. An operation on the kernel's own memory takes microseconds
 * here, and as long as the machine is busy when another thread has to be woken for it.
 */
import { dirname } from "node:path";
import { InvalidInputError } from "../errors.ts";
import type { AppendFile, FileInfo, FileLock, Files, Ownership } from "../runtime.ts";
import { diskError, readError } from "./disk_error.ts";

const PRIVATE_MODE = 0o600;
const MUCH_BYTES = 128 * 1024;

export async function syncDirectory(path: string): Promise<void> {
  const directory = Deno.openSync(path, { read: true });
  try {
    await directory.sync();
  } finally {
    directory.close();
  }
}

/** Each new folder is in its parent for good before anything is put into it. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await makeDirectory(dirname(path));
    return await makeDirectory(path);
  }
  try {
    await syncDirectory(dirname(path));
  } catch (error) {
    // The parent of the state directory is not ours to open.
    if (
      !(error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied)
    ) {
      throw error;
    }
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > MUCH_BYTES) rest = rest.subarray(await file.write(rest));
  writeAllHere(file, rest);
}

function writeAllHere(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(file.writeSync(rest));
}

async function writeSynced(path: string, bytes: Uint8Array, options: Deno.OpenOptions) {
  const file = Deno.openSync(path, { ...options, mode: PRIVATE_MODE });
  try {
    await writeAll(file, bytes);
    await file.sync();
  } finally {
    file.close();
  }
}

async function readFull(file: Deno.FsFile, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // The next one is written over it.
  }
}

function orNull<T>(path: string, work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw readError(error, path);
  }
}

export const systemFiles: Files = {
  async read(path, maxBytes) {
    const file = orNull(path, () => Deno.openSync(path, { read: true }));
    if (!file) return null;
    try {
      const bytes = await readFull(file, Math.min((await file.stat()).size, maxBytes) + 1);
      if (bytes.length > maxBytes) {
        throw new InvalidInputError("too_large", `${path} is larger than ${maxBytes} bytes`);
      }
      return bytes;
    } finally {
      file.close();
    }
  },
  async readAt(path, offset, length) {
    const file = Deno.openSync(path, { read: true });
    try {
      file.seekSync(offset, Deno.SeekMode.Start);
      return await readFull(file, length);
    } finally {
      file.close();
    }
  },
  stat: (path) =>
    Promise.try((): FileInfo | null => {
      const info = orNull(path, () => Deno.statSync(path));
      return info && { size: info.size, mode: info.mode, inode: info.ino, isFile: info.isFile };
    }),
  async list(directory) {
    const names: string[] = [];
    try {
      for await (const entry of Deno.readDir(directory)) names.push(entry.name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return names.sort();
  },
  async ensureDirectory(path) {
    try {
      await makeDirectory(path);
    } catch (error) {
      throw diskError(error, path);
    }
  },
  async makeDirectory(path, mode) {
    try {
      await Deno.mkdir(path, { mode });
      await Deno.chmod(path, mode); // mkdir leaves out what the umask forbids
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return false;
      throw diskError(error, path);
    }
  },
  async setMode(path, mode) {
    try {
      await Deno.chmod(path, mode);
    } catch (error) {
      throw diskError(error, path);
    }
  },
  owner: (path) =>
    Promise.try((): Ownership | null => {
      const info = orNull(path, () => Deno.lstatSync(path));
      return info && {
        uid: info.uid ?? NaN,
        mode: (info.mode ?? 0) & 0o777,
        device: info.dev,
        isDirectory: info.isDirectory,
      };
    }),
  async createExclusive(path, bytes) {
    // Written whole beside it and linked into place, so that no one ever sees half a file.
    const temporary = `${path}.${crypto.randomUUID()}.tmp`;
    try {
      await writeSynced(temporary, bytes, { write: true, createNew: true });
      try {
        Deno.linkSync(temporary, path);
      } catch (error) {
        if (error instanceof Deno.errors.AlreadyExists) return false;
        throw error;
      } finally {
        Deno.removeSync(temporary);
      }
      await syncDirectory(dirname(path));
      return true;
    } catch (error) {
      throw diskError(error, path);
    }
  },
  async replaceDurably(path, bytes) {
    const temporary = `${path}.tmp`;
    try {
      await writeSynced(temporary, bytes, { write: true, create: true, truncate: true });
      Deno.renameSync(temporary, path);
      await syncDirectory(dirname(path));
    } catch (error) {
      removeQuietly(temporary); // on a full disk, half of it is what others lack
      throw diskError(error, path);
    }
  },
  async openAppend(path): Promise<AppendFile> {
    try {
      const file = Deno.openSync(path, { append: true, create: true, mode: PRIVATE_MODE });
      try {
        await syncDirectory(dirname(path));
      } catch (error) {
        file.close();
        throw error;
      }
      return {
        path,
        async append(bytes) {
          try {
            // The sync is begun in this same turn: what the caller does next is done beside it.
            if (bytes.length > MUCH_BYTES) await writeAll(file, bytes);
            else writeAllHere(file, bytes);
            await file.syncData();
          } catch (error) {
            throw diskError(error, path);
          }
        },
        close: () => file.close(),
      };
    } catch (error) {
      throw diskError(error, path);
    }
  },
  async truncate(path, size) {
    const file = await Deno.open(path, { write: true });
    try {
      await file.truncate(size);
      await file.sync();
    } finally {
      file.close();
    }
  },
  async remove(path) {
    try {
      Deno.removeSync(path);
      await syncDirectory(dirname(path));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw diskError(error, path);
    }
  },
  async tryLock(path): Promise<FileLock | null> {
    try {
      const file = await Deno.open(path, { write: true, create: true, mode: PRIVATE_MODE });
      if (await file.tryLock(true)) return { release: () => file.close() };
      file.close();
      return null;
    } catch (error) {
      throw diskError(error, path);
    }
  },
};
