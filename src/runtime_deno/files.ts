/** The disk. What is durable is fsynced, its directory entry included. */
import { dirname } from "node:path";
import { InvalidInputError } from "../errors.ts";
import type { AppendFile, FileInfo, FileLock, Files, Ownership } from "../runtime.ts";
import { diskError, readError } from "./disk_error.ts";

const PRIVATE_MODE = 0o600;

async function syncDirectory(path: string): Promise<void> {
  const directory = await Deno.open(path, { read: true });
  try {
    await directory.sync();
  } finally {
    directory.close();
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}

async function writeSynced(path: string, bytes: Uint8Array, options: Deno.OpenOptions) {
  const file = await Deno.open(path, { ...options, mode: PRIVATE_MODE });
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

async function orNull<T>(path: string, work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw readError(error, path);
  }
}

export const systemFiles: Files = {
  async read(path, maxBytes) {
    const file = await orNull(path, Deno.open(path, { read: true }));
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
    const file = await Deno.open(path, { read: true });
    try {
      await file.seek(offset, Deno.SeekMode.Start);
      return await readFull(file, length);
    } finally {
      file.close();
    }
  },
  async stat(path): Promise<FileInfo | null> {
    const info = await orNull(path, Deno.stat(path));
    return info && { size: info.size, mode: info.mode, inode: info.ino, isFile: info.isFile };
  },
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
      await Deno.mkdir(path, { recursive: true, mode: 0o700 });
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
  async owner(path): Promise<Ownership | null> {
    const info = await orNull(path, Deno.lstat(path));
    return info && {
      uid: info.uid ?? NaN,
      mode: (info.mode ?? 0) & 0o777,
      device: info.dev,
      isDirectory: info.isDirectory,
    };
  },
  async createExclusive(path, bytes) {
    // Written whole beside it and linked into place, so that no one ever sees half a file.
    const temporary = `${path}.${crypto.randomUUID()}.tmp`;
    try {
      await writeSynced(temporary, bytes, { write: true, createNew: true });
      try {
        await Deno.link(temporary, path);
      } catch (error) {
        if (error instanceof Deno.errors.AlreadyExists) return false;
        throw error;
      } finally {
        await Deno.remove(temporary);
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
      await Deno.rename(temporary, path);
      await syncDirectory(dirname(path));
    } catch (error) {
      throw diskError(error, path);
    }
  },
  async openAppend(path): Promise<AppendFile> {
    try {
      const file = await Deno.open(path, { append: true, create: true, mode: PRIVATE_MODE });
      await syncDirectory(dirname(path));
      return {
        path,
        async append(bytes) {
          try {
            await writeAll(file, bytes);
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
      await Deno.remove(path);
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
