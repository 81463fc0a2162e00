/** A disk that fails on request: the nth writing operation, with half of its bytes written. */
import type { Files } from "../../src/runtime.ts";

export class FaultyFiles {
  /** Names of the writing operations so far, in order. */
  readonly operations: string[] = [];
  readonly files: Files;
  #failAt = Infinity;
  #lasts = 1;
  #error: () => Error = () => new Error("EIO: input/output error");

  constructor(base: Files) {
    const guard = async (operation: string, fail: () => Promise<unknown> = async () => {}) => {
      this.operations.push(operation);
      const since = this.operations.length - this.#failAt;
      if (!(since >= 0 && since < this.#lasts)) return;
      await fail();
      throw this.#error();
    };
    this.files = {
      ...base,
      ensureDirectory: (path) => guard("mkdir").then(() => base.ensureDirectory(path)),
      createExclusive: (path, bytes) =>
        guard("create").then(() => base.createExclusive(path, bytes)),
      replaceDurably: (path, bytes) =>
        guard("replace").then(() => base.replaceDurably(path, bytes)),
      truncate: (path, size) => guard("truncate").then(() => base.truncate(path, size)),
      remove: (path) => guard("remove").then(() => base.remove(path)),
      openAppend: async (path) => {
        await guard("open");
        const file = await base.openAppend(path);
        return {
          path,
          close: () => file.close(),
          append: async (bytes) => {
            const half = () => file.append(bytes.subarray(0, Math.ceil(bytes.length / 2)));
            await guard("append", half);
            await file.append(bytes);
          },
        };
      },
    };
  }

  /**
   * @param operation 1 for the next one
   * @param lasts how many fail, one after the other
   */
  failAt(operation: number, error?: () => Error, lasts = 1): void {
    this.#failAt = this.operations.length + operation;
    this.#lasts = lasts;
    if (error) this.#error = error;
  }

  count(operation: string): number {
    return this.operations.filter((name) => name === operation).length;
  }
}
