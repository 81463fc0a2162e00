/**
 * A process that dies at a chosen step. Steps are counted over all writes to the disk, to a root of
 * files too, and all calls to the cluster; from the fatal one on, nothing that the process tries has any effect.
 */
import type { ApiRequest } from "../../src/adapters/kubernetes/api.ts";
import type { JournalApi } from "../../src/adapters/kubernetes/journal/store.ts";
import type { Cluster } from "../../src/execution/cluster.ts";
import type { Files, FileTree } from "../../src/runtime.ts";
import { wrapCluster } from "./cluster_wrap.ts";

export class Crashed extends Error {
  override readonly name = "Crashed";
}

/** `torn`: half of it reached the disk, where halves are possible; `after`: all of it did, and no answer came back. */
export type Fault = "torn" | "after";

export class CrashSwitch {
  /** What each step so far was. */
  readonly steps: string[] = [];
  readonly #crash = Promise.withResolvers<never>();
  readonly #inFlight = new Set<Promise<unknown>>();
  #dead = false;

  /** @param fatalStep 1 for the first; Infinity for none; or whether the last of these is fatal */
  constructor(
    private readonly fatalStep: number | ((steps: readonly string[]) => boolean) = Infinity,
    private readonly fault: Fault = "torn",
  ) {
    this.#crash.promise.catch(() => {});
  }

  get isDead(): boolean {
    return this.#dead;
  }

  /** Resolves or rejects as the work does, or rejects once the process has died. */
  survive<T>(work: Promise<T>): Promise<T> {
    work.catch(() => {});
    return Promise.race([work, this.#crash.promise]);
  }

  /** Resolves once the kernel and the network have done what was asked of them before the death. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
  }

  files(base: Files): Files {
    const write = <T>(name: string, effect: () => Promise<T>) => this.#step(name, effect);
    return {
      read: (path, maxBytes) => this.#alive(() => base.read(path, maxBytes)),
      readAt: (path, offset, length) => this.#alive(() => base.readAt(path, offset, length)),
      stat: (path) => this.#alive(() => base.stat(path)),
      list: (directory) => this.#alive(() => base.list(directory)),
      ensureDirectory: (path) => this.#alive(() => base.ensureDirectory(path)),
      makeDirectory: (path, mode) => this.#alive(() => base.makeDirectory(path, mode)),
      setMode: (path, mode) => this.#alive(() => base.setMode(path, mode)),
      owner: (path) => this.#alive(() => base.owner(path)),
      tryLock: (path) => this.#alive(() => base.tryLock(path)),
      createExclusive: (path, bytes) =>
        this.#step(
          `create ${kindOf(path)}`,
          () => base.createExclusive(path, bytes),
          () => writeHalf(base, `${path}.${crypto.randomUUID()}.tmp`, bytes),
        ),
      replaceDurably: (path, bytes) =>
        this.#step(
          `replace ${kindOf(path)}`,
          () => base.replaceDurably(path, bytes),
          () => writeHalf(base, `${path}.tmp`, bytes),
        ),
      truncate: (path, size) => write("truncate", () => base.truncate(path, size)),
      remove: (path) => write(`remove ${kindOf(path)}`, () => base.remove(path)),
      openAppend: async (path) => {
        const file = await write(`open ${kindOf(path)}`, async () => {
          const opened = await base.openAppend(path);
          let isOpen = true;
          const close = () => {
            if (isOpen) opened.close();
            isOpen = false;
          };
          this.#crash.promise.catch(close); // the kernel does it for a dead process
          return { ...opened, close };
        });
        return {
          path,
          append: (bytes) =>
            this.#step(
              `append ${kindOf(path)}`,
              () => file.append(bytes),
              () => file.append(bytes.subarray(0, Math.ceil(bytes.length / 2))),
            ),
          close: () => file.close(),
        };
      },
    };
  }

  tree(base: FileTree): FileTree {
    const half = (bytes: Uint8Array) => bytes.subarray(0, Math.ceil(bytes.length / 2));
    return {
      lstat: (path) => this.#alive(() => base.lstat(path)),
      realPath: (path) => this.#alive(() => base.realPath(path)),
      read: (path, maxBytes) => this.#alive(() => base.read(path, maxBytes)),
      create: (path, bytes, mode) =>
        this.#step(
          "tree create",
          () => base.create(path, bytes, mode),
          () => base.create(path, half(bytes), mode),
        ),
      rename: (from, to) => this.#step("tree rename", () => base.rename(from, to)),
      remove: (path) => this.#step("tree remove", () => base.remove(path)),
      makeDirectory: (path) => this.#step("tree mkdir", () => base.makeDirectory(path)),
      removeDirectory: (path) => this.#step("tree rmdir", () => base.removeDirectory(path)),
    };
  }

  /** The API server as the journal in a cluster writes it. */
  journalApi(base: JournalApi): JournalApi {
    const around = <T>({ method, path }: ApiRequest, next: () => Promise<T>): Promise<T> => {
      if (method === "GET") return this.#alive(next);
      const kind = path.includes("/secrets") ? "secret" : "execution";
      return this.#step(`${method} ${kind}`, next);
    };
    return {
      request: (request) => around(request, () => base.request(request)),
      find: (request) => around(request, () => base.find(request)),
    };
  }

  cluster(base: Cluster): Cluster {
    return wrapCluster(
      base,
      ({ verb, isWrite }, next) =>
        this.#step(isWrite || verb === "get" ? verb : `dry-run ${verb}`, next),
    );
  }

  async #step<T>(
    name: string,
    effect: () => Promise<T>,
    tear: () => Promise<unknown> = () => Promise.resolve(),
  ): Promise<T> {
    if (this.#dead) throw new Crashed();
    this.steps.push(name);
    if (!this.#isFatal()) return await this.#alive(effect);
    this.#dead = true;
    try {
      await (this.fault === "after" ? effect() : tear());
    } catch {
      // The cluster refused it: nobody is left to hear that.
    }
    const crash = new Crashed(`at step ${this.steps.length}: ${name}`);
    this.#crash.reject(crash);
    throw crash;
  }

  #isFatal(): boolean {
    const { fatalStep, steps } = this;
    return typeof fatalStep === "number" ? steps.length === fatalStep : fatalStep(steps);
  }

  /** An answer that comes after the death is heard by nobody. */
  async #alive<T>(effect: () => Promise<T>): Promise<T> {
    if (this.#dead) throw new Crashed();
    const work = effect();
    this.#inFlight.add(work);
    try {
      const result = await work;
      if (this.#dead) throw new Crashed();
      return result;
    } finally {
      this.#inFlight.delete(work);
    }
  }
}

/** What a write under another name leaves, when it is cut short before the name is changed. */
async function writeHalf(base: Files, path: string, bytes: Uint8Array): Promise<void> {
  await base.createExclusive(path, bytes.subarray(0, Math.ceil(bytes.length / 2)));
}

/** The folder that says what a file is for. */
function kindOf(path: string): string {
  const [, kind] = /\/(audit|receipts\/delivered|receipts|executions\/[a-z]+)[/.]/.exec(path) ?? [];
  return kind ?? "key";
}
