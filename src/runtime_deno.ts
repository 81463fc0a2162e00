/** The one real implementation of the ports: beside `main.ts` and the embedded peers, only this touches `Deno`. */
import type { Clock, Random, Runtime } from "./runtime.ts";
import { systemDatagrams } from "./runtime_deno/datagrams.ts";
import { systemTree } from "./runtime_deno/file_tree.ts";
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

export function systemRuntime(clock: Clock = systemClock()): Runtime {
  return {
    clock,
    random: systemRandom,
    files: systemFiles,
    tree: systemTree,
    http: systemHttp,
    datagrams: systemDatagrams,
  };
}
