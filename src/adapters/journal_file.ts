/** The journal as one file per execution. The state lock makes this process the only writer. */
import { InvalidInputError, RefusedError } from "../errors.ts";
import { decodeUtf8, encodeUtf8 } from "../core/encoding.ts";
import type { ExecutionRecord } from "../core/execution.ts";
import type { Journal } from "../execution/journal.ts";
import type { Files } from "../runtime.ts";

const SUFFIX = ".json";
/** A record holds the package, its bundle and up to 100 preimages of at most 1.5 MiB each. */
const MAX_RECORD_BYTES = 256 * 1024 * 1024;

export class FileJournal implements Journal {
  readonly #versions = new Map<string, string>();

  constructor(private readonly files: Files, private readonly directory: string) {}

  async load(): Promise<ExecutionRecord[]> {
    await this.files.ensureDirectory(this.directory);
    const names = (await this.files.list(this.directory)).filter((name) => name.endsWith(SUFFIX));
    const records: ExecutionRecord[] = [];
    for (const name of names) records.push(await this.#read(name));
    return records;
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
      const record = JSON.parse(decodeUtf8(bytes!)) as ExecutionRecord;
      if (`${record.id}${SUFFIX}` !== name) throw new TypeError(`it is about ${record.id}`);
      this.#versions.set(record.id, record.version);
      return record;
    } catch (error) {
      throw new InvalidInputError("malformed_answer", `Cannot read the journal file ${path}`, {
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
