/** A disk with so many bytes and no more. A write that does not fit leaves what did, as the kernel does. */
import { TransientError } from "../../src/errors.ts";
import type { Files } from "../../src/runtime.ts";

export class FullDisk {
  readonly files: Files;

  constructor(private readonly base: Files, public freeBytes: number) {
    this.files = {
      ...base,
      createExclusive: (path, bytes) => {
        this.#take(bytes.length);
        return base.createExclusive(path, bytes);
      },
      replaceDurably: async (path, bytes) => {
        const before = await this.#sizeOf(path);
        this.#take(bytes.length); // the old one goes only when the new one is there
        await base.replaceDurably(path, bytes);
        this.freeBytes += before;
      },
      truncate: async (path, size) => {
        const before = await this.#sizeOf(path);
        await base.truncate(path, size);
        this.freeBytes += before - size;
      },
      remove: async (path) => {
        const before = await this.#sizeOf(path);
        await base.remove(path);
        this.freeBytes += before;
      },
      openAppend: async (path) => {
        const file = await base.openAppend(path);
        return {
          path,
          close: () => file.close(),
          append: async (bytes) => {
            const fitting = Math.min(bytes.length, this.freeBytes);
            this.freeBytes -= fitting;
            await file.append(bytes.subarray(0, fitting));
            if (fitting < bytes.length) throw full();
          },
        };
      },
    };
  }

  #take(bytes: number): void {
    if (bytes > this.freeBytes) throw full();
    this.freeBytes -= bytes;
  }

  async #sizeOf(path: string): Promise<number> {
    return (await this.base.stat(path))?.size ?? 0;
  }
}

function full(): TransientError {
  return new TransientError("disk_full", "no space left");
}
