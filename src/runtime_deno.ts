/** The one real implementation of the ports: beside `main.ts` and the embedded peers, only this touches `Deno`. */
import type { Clock, FileTree, Random, Runtime } from "./runtime.ts";
import { systemDatagrams } from "./runtime_deno/datagrams.ts";
import { systemFiles } from "./runtime_deno/files.ts";
import { systemHttp } from "./runtime_deno/http.ts";

export function systemClock(): Clock {
  return {
    now: () => Date.now(),
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

/** Loaded, with node:fs under it, by agents that may place files. */
const tree = async (): Promise<FileTree> =>
  (await import("./runtime_deno/file_tree.ts")).systemTree;

const treeOnDemand: FileTree = {
  lstat: async (path) => await (await tree()).lstat(path),
  realPath: async (path) => await (await tree()).realPath(path),
  read: async (path, maxBytes) => await (await tree()).read(path, maxBytes),
  create: async (path, bytes, mode) => await (await tree()).create(path, bytes, mode),
  rename: async (from, to) => await (await tree()).rename(from, to),
  remove: async (path) => await (await tree()).remove(path),
  makeDirectory: async (path) => await (await tree()).makeDirectory(path),
  removeDirectory: async (path) => await (await tree()).removeDirectory(path),
};

export function systemRuntime(clock: Clock = systemClock()): Runtime {
  return {
    clock,
    random: systemRandom,
    files: systemFiles,
    tree: treeOnDemand,
    http: systemHttp,
    datagrams: systemDatagrams,
  };
}
