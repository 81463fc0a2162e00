/**
 * The journal as files, for one process: the state lock makes it the only writer. What is not settled is in
 * `open/`, the rest in `ended/`, which is looked into by id only; `order/` says in which order it came.
 * Wherever a crash cuts a change short, the record in `ended/` is the one that counts.
 */
import { RefusedError, StalledError } from "../errors.ts";
import {
  byArrival,
  type ExecutionRecord,
  isExecutionId,
  type PackageMaterial,
  type Preimage,
} from "../core/execution.ts";
import type { JournalKey } from "../core/journal_key.ts";
import type { ExecutionState } from "../core/protocol.ts";
import { isSettled } from "../core/receipt.ts";
import { Turns } from "../core/turns.ts";
import type {
  Journal,
  ListOptions,
  OpenedJournal,
  PruneOptions,
  RecordPage,
} from "../execution/journal.ts";
import type { Files } from "../runtime.ts";
import { JournalFolder } from "./journal_folder.ts";
import { JournalHeads } from "./journal_heads.ts";
import { JournalOrder, type OrderEntry } from "./journal_order.ts";
import { JournalPruning } from "./journal_pruning.ts";
import {
  missing,
  parsePackage,
  parsePreimages,
  readEntered,
  readRecord,
} from "./journal_stored.ts";

const MIB = 1024 * 1024;
const HEADS = "streams.json";
/** Files that a list has open at once. */
const READ_AT_ONCE = 16;
/** The plan of 100 objects of at most 1.5 MiB each, and what says who may change them. */
const MAX_RECORD_BYTES = 256 * MIB;
const MAX_PREIMAGES_BYTES = 256 * MIB;
/** A package of a mebibyte in base64, and its bundles. */
const MAX_PACKAGE_BYTES = 8 * MIB;

type Listed = ExecutionRecord | OrderEntry;

export class FileJournal implements Journal {
  readonly #open: JournalFolder;
  readonly #ended: JournalFolder;
  readonly #packages: JournalFolder;
  readonly #preimages: JournalFolder;
  readonly #order: JournalOrder;
  readonly #heads: JournalHeads;
  readonly #pruning: JournalPruning;
  /** What is in `open/`. */
  readonly #live = new Map<string, ExecutionRecord>();
  readonly #turns = new Turns();

  constructor(private readonly files: Files, private readonly directory: string, key: JournalKey) {
    this.#open = new JournalFolder(files, `${directory}/open`, MAX_RECORD_BYTES);
    this.#ended = new JournalFolder(files, `${directory}/ended`, MAX_RECORD_BYTES);
    this.#packages = new JournalFolder(files, `${directory}/packages`, MAX_PACKAGE_BYTES);
    this.#preimages = new JournalFolder(files, `${directory}/preimages`, MAX_PREIMAGES_BYTES);
    this.#order = new JournalOrder(files, `${directory}/order`);
    this.#heads = new JournalHeads(files, `${directory}/${HEADS}`, key);
    this.#pruning = new JournalPruning({
      ended: this.#ended,
      packages: this.#packages,
      preimages: this.#preimages,
      order: this.#order,
      heads: this.#heads,
      turns: this.#turns,
      isKnown: async (id) => await this.#find(id) !== null,
    });
  }

  async open(): Promise<OpenedJournal> {
    const folders = [this.#open, this.#ended, this.#packages, this.#preimages];
    for (const folder of folders) await folder.ensure();
    await this.#refuseStrangers();
    const { ids, unfinished } = await this.#open.list();
    for (const name of unfinished) await this.#open.removeUnfinished(name);
    const heads = await this.#heads.read() ?? await this.#begin(ids);
    this.#live.clear();
    for (const id of ids) {
      const record = await readRecord(this.#open, id);
      // A crash came between the end of one life and the removal of its other record.
      if (await this.#ended.has(id)) await this.#open.remove(id);
      else if (record) this.#live.set(id, record);
    }
    return { open: [...this.#live.values()], heads };
  }

  find(id: string): Promise<ExecutionRecord | null> {
    return this.#turns.take(id, () => this.#find(id));
  }

  async list({ limit, state }: ListOptions): Promise<RecordPage> {
    const records: ExecutionRecord[] = [];
    const read = async (batch: readonly Listed[]) => {
      const found = await Promise.all(
        batch.map((one) => "seal" in one ? one : readEntered(this.#ended, one)),
      );
      records.push(...found.filter((record) => record !== null));
    };
    let batch: Listed[] = [];
    for await (const one of this.#newestFirst(state)) {
      if (records.length + batch.length > limit) break;
      batch.push(one);
      if (batch.length < READ_AT_ONCE && records.length + batch.length <= limit) continue;
      await read(batch);
      batch = [];
    }
    await read(batch);
    return { records: records.slice(0, limit), hasMore: records.length > limit };
  }

  create(record: ExecutionRecord, pack: PackageMaterial): Promise<ExecutionRecord | null> {
    const { id } = record;
    return this.#turns.take(id, async () => {
      if (await this.#find(id)) return null;
      await this.#keepPackage(record, pack);
      const stored = { ...record, version: "1" };
      if (!await this.#open.create(id, stored)) return null;
      this.#live.set(id, stored);
      return stored;
    });
  }

  replace(record: ExecutionRecord, pack?: PackageMaterial): Promise<ExecutionRecord> {
    const { id } = record;
    return this.#turns.take(id, async () => {
      const latest = await this.#find(id);
      if (!latest || record.version !== latest.version) {
        throw new RefusedError(
          "not_leader",
          `${id} was changed by someone else (version ${latest?.version}, not ${record.version})`,
        );
      }
      const stored = { ...record, version: String(Number(record.version) + 1) };
      if (pack) await this.#keepPackage(stored, pack);
      if (isSettled(stored)) await this.#settle(stored);
      else await this.#keepOpen(stored, latest);
      return stored;
    });
  }

  async savePreimages(id: string, preimages: readonly Preimage[]): Promise<void> {
    await this.#turns.take(id, () => this.#preimages.write(id, preimages));
  }

  async package(id: string): Promise<PackageMaterial> {
    return await this.#packages.read(id, parsePackage) ?? missing(this.directory, "package", id);
  }

  async preimages(id: string): Promise<readonly Preimage[]> {
    const preimages = await this.#preimages.read(id, parsePreimages);
    return preimages ?? missing(this.directory, "preimages", id);
  }

  async dropPreimages(id: string): Promise<void> {
    await this.#turns.take(id, () => this.#preimages.remove(id));
  }

  async prune(options: PruneOptions): Promise<number> {
    return await this.#pruning.prune(options);
  }

  async #find(id: string): Promise<ExecutionRecord | null> {
    const live = this.#live.get(id);
    if (live) return live;
    return isExecutionId(id) ? await readRecord(this.#ended, id) : null;
  }

  /** Neither counts before the record: they need not wait for each other. */
  async #keepPackage(record: ExecutionRecord, pack: PackageMaterial): Promise<void> {
    const written = await Promise.allSettled([
      this.#packages.write(record.id, pack),
      this.#heads.raise(record),
    ]);
    for (const one of written) if (one.status === "rejected") throw one.reason;
  }

  /** What is open as it is in memory, what is settled as an entry. */
  async *#newestFirst(state?: ExecutionState): AsyncGenerator<Listed> {
    const seen = new Set(this.#live.keys());
    const live = [...this.#live.values()]
      .filter((record) => !state || record.state === state).sort(byArrival);
    for await (const entry of this.#order.newestFirst(state)) {
      while (live.length > 0 && byArrival(live.at(-1)!, entry) > 0) yield live.pop()!;
      if (!seen.has(entry.id)) yield entry;
    }
    yield* live.reverse();
  }

  /** The entry comes first, so that no record is without one. */
  async #settle(record: ExecutionRecord): Promise<void> {
    await this.#order.add(record);
    await this.#ended.write(record.id, record);
    await this.#open.remove(record.id);
    this.#live.delete(record.id);
  }

  async #keepOpen(record: ExecutionRecord, latest: ExecutionRecord): Promise<void> {
    await this.#open.write(record.id, record);
    if (!this.#live.has(record.id)) {
      await this.#ended.remove(record.id);
      await this.#order.remove(latest);
    }
    this.#live.set(record.id, record);
  }

  /** A journal that has records has heads: without them every sequence could come again. */
  async #begin(openIds: readonly string[]) {
    const { ids } = await this.#ended.list();
    if (openIds.length + ids.length === 0) return await this.#heads.begin();
    throw new StalledError("state_damaged", `${this.directory}/${HEADS} is missing`, {
      hint: "restore it from a backup: it says which sequences each stream has used up",
    });
  }

  async #refuseStrangers(): Promise<void> {
    const names = await this.files.list(this.directory);
    const stranger = names.find((name) => name.endsWith(".json") && name !== HEADS);
    if (stranger === undefined) return;
    throw new StalledError(
      "state_damaged",
      `${this.directory}/${stranger} is not where a record of this version belongs`,
      { hint: "move it away: this connector forgets the execution then" },
    );
  }
}
