/** The journal as one file per execution. The state lock makes this process the only writer. */
import { z } from "zod";
import { RefusedError, StalledError } from "../errors.ts";
import { decodeUtf8, encodeUtf8 } from "../core/encoding.ts";
import type { ExecutionRecord } from "../core/execution.ts";
import type { Journal } from "../execution/journal.ts";
import type { Files } from "../runtime.ts";

const SUFFIX = ".json";
const UNFINISHED = ".tmp";
/** A record holds the package, its bundles and up to 100 preimages of at most 1.5 MiB each. */
const MAX_RECORD_BYTES = 256 * 1024 * 1024;
/** What this file relies on. The rest is as we wrote it, or the book finds its seal broken. */
const Stored = z.looseObject({
  id: z.string(),
  seal: z.string(),
  version: z.string().regex(/^\d+$/),
});

export class FileJournal implements Journal {
  readonly #versions = new Map<string, string>();

  constructor(private readonly files: Files, private readonly directory: string) {}

  async *load(): AsyncGenerator<ExecutionRecord> {
    await this.files.ensureDirectory(this.directory);
    for (const name of await this.files.list(this.directory)) {
      // Left by a write that a crash cut short; what it was to replace is still there.
      if (name.endsWith(UNFINISHED)) await this.files.remove(`${this.directory}/${name}`);
      if (name.endsWith(SUFFIX)) yield await this.#read(name);
    }
  }

  async create(record: ExecutionRecord): Promise<ExecutionRecord | null> {
    const stored = { ...record, version: "1" };
    const created = await this.files.createExclusive(this.#path(record.id), encode(stored));
    if (!created) return null;
    this.#versions.set(record.id, stored.version);
    return stored;
  }

  async replace(record: ExecutionRecord): Promise<ExecutionRecord> {
    const latest = this.#versions.get(record.id);
    if (record.version !== latest) {
      throw new RefusedError(
        "not_leader",
        `${record.id} was changed by someone else (version ${latest}, not ${record.version})`,
      );
    }
    const stored = { ...record, version: String(Number(record.version) + 1) };
    await this.files.replaceDurably(this.#path(record.id), encode(stored));
    this.#versions.set(record.id, stored.version);
    return stored;
  }

  async #read(name: string): Promise<ExecutionRecord> {
    const path = `${this.directory}/${name}`;
    try {
      const bytes = await this.files.read(path, MAX_RECORD_BYTES);
      const stored = Stored.parse(JSON.parse(decodeUtf8(bytes!)));
      if (`${stored.id}${SUFFIX}` !== name) throw new TypeError(`it is about ${stored.id}`);
      this.#versions.set(stored.id, stored.version);
      return stored as unknown as ExecutionRecord;
    } catch (error) {
      throw new StalledError("state_damaged", `The journal file ${path} cannot be read`, {
        cause: error,
        hint: "restore it from a backup, or move it away to forget this execution",
      });
    }
  }

  #path(id: string): string {
    return `${this.directory}/${id}${SUFFIX}`;
  }
}

function encode(record: ExecutionRecord): Uint8Array {
  return encodeUtf8(`${JSON.stringify(record)}\n`);
}
