/** The one place, beside `main.ts` and the embedded peers, that touches `Deno` and real time. */
import { dirname } from "node:path";
import { InvalidInputError, StalledError, TransientError } from "./errors.ts";
import type {
  AppendFile,
  Clock,
  FileInfo,
  FileLock,
  Files,
  Http,
  HttpClient,
  HttpClientOptions,
  HttpServer,
  Random,
  Runtime,
  ServeOptions,
} from "./runtime.ts";

const PRIVATE_MODE = 0o600;

/** @param offsetMs added to the wall clock; `simulate` uses it to stand just before a UTC midnight. */
export function systemClock(offsetMs = 0): Clock {
  return {
    now: () => Date.now() + offsetMs,
    monotonic: () => performance.now(),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const onAbort = () => {
          clearTimeout(timer);
          reject(signal!.reason);
        };
        const timer = setTimeout(() => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        }, ms);
        signal?.addEventListener("abort", onAbort, { once: true });
      }),
  };
}

export const systemRandom: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  fraction: () => crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32,
  uuid: () => crypto.randomUUID(),
};

/** Foreign disk errors become ours here and nowhere else. */
function diskError(error: unknown, path: string): unknown {
  const code = (error as { code?: string }).code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new TransientError("disk_full", `Cannot write ${path}: no space left`, {
      cause: error,
      hint: "free space on the volume of the state directory; nothing acknowledged was lost",
    });
  }
  if (code === "EACCES" || code === "EROFS" || error instanceof Deno.errors.PermissionDenied) {
    return new StalledError("state_unwritable", `Cannot write ${path}: permission denied`, {
      cause: error,
      hint: "make the state directory writable for the connector's user",
    });
  }
  return error;
}

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

async function orNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

export const systemFiles: Files = {
  async read(path, maxBytes) {
    const file = await orNull(Deno.open(path, { read: true }));
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
    const info = await orNull(Deno.stat(path));
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

async function serve(
  options: ServeOptions,
  handler: (request: Request) => Response | Promise<Response>,
): Promise<HttpServer> {
  const onListen = () => {};
  if ("unixSocket" in options) {
    const path = options.unixSocket;
    // A socket left by a killed process would refuse the bind; the state lock proves it is stale.
    await systemFiles.remove(path);
    const server = Deno.serve({ path, onListen }, handler);
    await Deno.chmod(path, PRIVATE_MODE);
    return { port: 0, close: () => server.shutdown() };
  }
  const server = Deno.serve({
    hostname: options.address,
    port: options.port,
    cert: options.certPem,
    key: options.keyPem,
    onListen,
  }, handler);
  return { port: server.addr.port, close: () => server.shutdown() };
}

function toDenoOptions(options: HttpClientOptions): Record<string, unknown> {
  return {
    ...(options.caPem ? { caCerts: [options.caPem] } : {}),
    ...(options.certPem && options.keyPem ? { cert: options.certPem, key: options.keyPem } : {}),
    ...(options.unixSocket
      ? { proxy: { transport: "unix", path: options.unixSocket } }
      : options.proxy
      ? { proxy: { url: options.proxy } }
      : {}),
  };
}

export const systemHttp: Http = {
  client(options): HttpClient {
    const client = Deno.createHttpClient(toDenoOptions(options));
    return {
      // A redirect would carry a bearer token to a host that nobody configured.
      fetch: (url, init) => fetch(url, { ...init, redirect: "error", client }),
      close: () => client.close(),
    };
  },
  serve,
};

export function systemRuntime(clock: Clock = systemClock()): Runtime {
  return { clock, random: systemRandom, files: systemFiles, http: systemHttp };
}
