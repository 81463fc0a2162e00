/** One folder of the journal: a JSON file per execution, each written whole or not at all. */
import { StalledError } from "../errors.ts";
import { decodeUtf8, encodeUtf8 } from "../core/encoding.ts";
import type { Files } from "../runtime.ts";

const SUFFIX = ".json";
const UNFINISHED = ".tmp";

interface FolderContent {
  readonly ids: readonly string[];
  /** Names of files that a cut-short write left. */
  readonly unfinished: readonly string[];
}

export class JournalFolder {
  constructor(
    private readonly files: Files,
    private readonly directory: string,
    private readonly maxBytes: number,
  ) {}

  async ensure(): Promise<void> {
    await this.files.ensureDirectory(this.directory);
  }

  async has(id: string): Promise<boolean> {
    return await this.files.stat(this.#path(id)) !== null;
  }

  /** null when there is none. Throws StalledError `state_damaged`, also for what `parse` throws. */
  async read<T>(id: string, parse: (value: unknown) => T): Promise<T | null> {
    const path = this.#path(id);
    try {
      const bytes = await this.files.read(path, this.maxBytes);
      return bytes && parse(JSON.parse(decodeUtf8(bytes)));
    } catch (error) {
      throw damagedFile(path, error);
    }
  }

  /** Durable when it resolves; false, and nothing written, when there is one already. */
  async create(id: string, value: unknown): Promise<boolean> {
    return await this.files.createExclusive(this.#path(id), encode(value));
  }

  /** Durable when it resolves; in the place of what is there. */
  async write(id: string, value: unknown): Promise<void> {
    await this.files.replaceDurably(this.#path(id), encode(value));
  }

  async remove(id: string): Promise<void> {
    await this.files.remove(this.#path(id));
  }

  async list(): Promise<FolderContent> {
    const names = await this.files.list(this.directory);
    const whole = names.filter((name) => name.endsWith(SUFFIX));
    return {
      ids: whole.map((name) => name.slice(0, -SUFFIX.length)),
      unfinished: names.filter((name) => name.endsWith(UNFINISHED)),
    };
  }

  /** @param name of a file that a cut-short write left */
  async removeUnfinished(name: string): Promise<void> {
    await this.files.remove(`${this.directory}/${name}`);
  }

  #path(id: string): string {
    return `${this.directory}/${id}${SUFFIX}`;
  }
}

export function damagedFile(path: string, cause?: unknown): StalledError {
  return new StalledError("state_damaged", `The journal file ${path} cannot be read`, {
    cause,
    hint: "restore it from a backup, or move it away to forget this execution",
  });
}

function encode(value: unknown): Uint8Array {
  return encodeUtf8(`${JSON.stringify(value)}\n`);
}
