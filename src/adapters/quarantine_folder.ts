/** Batches that the receiver will never take, kept for a person to look at. Bounded. */
import type { Files } from "../runtime.ts";

const MAX_FILES = 1000;
const MAX_FILE_BYTES = 1024 * 1024;

export class QuarantineFolder {
  readonly #directory: string;

  constructor(private readonly files: Files, stateDir: string) {
    this.#directory = `${stateDir}/quarantine`;
  }

  /** The file's name once it is on the disk; null when the folder is full or the batch too large. */
  async keep(name: string, bytes: Uint8Array): Promise<string | null> {
    if (bytes.length > MAX_FILE_BYTES) return null;
    await this.files.ensureDirectory(this.#directory);
    if (await this.files.stat(`${this.#directory}/${name}`)) return name;
    if ((await this.files.list(this.#directory)).length >= MAX_FILES) return null;
    await this.files.createExclusive(`${this.#directory}/${name}`, bytes);
    return name;
  }
}
