/**
 * The journal as custom resources, shared by all connectors of a cluster. The API server itself refuses a
 * second execution of one name, and a write that names another version than the latest. Each term of
 * leading claims what is open before it acts on it, so that a leader of another term writes no more.
 */
import { RefusedError, TransientError } from "../../../errors.ts";
import { canonicalDigest } from "../../../core/canonical_json.ts";
import {
  type ExecutionRecord,
  isExecutionId,
  type PackageMaterial,
  type Preimage,
} from "../../../core/execution.ts";
import type { KubeObject } from "../../../core/kubernetes_object.ts";
import type { Plan } from "../../../core/plan.ts";
import { isSettled } from "../../../core/receipt.ts";
import { Turns } from "../../../core/turns.ts";
import type {
  Journal,
  ListOptions,
  OpenedJournal,
  PruneOptions,
  RecordPage,
} from "../../../execution/journal.ts";
import type { Random } from "../../../runtime.ts";
import { ChunkedSecrets, ownerOf } from "./chunks.ts";
import {
  type Claim,
  fromObject,
  largePlanOf,
  newObject,
  packageKey,
  type StoredExecution,
  toObject,
} from "./execution_object.ts";
import { newestOf, prunable } from "./execution_order.ts";
import { OwnWrites } from "./own_writes.ts";
import type { SharedKey } from "./shared_key.ts";
import { damaged, type JournalStore, LABELS } from "./store.ts";
import { StreamHeads } from "./stream_heads.ts";

const MAX_TRIES = 5;
/** Orphans that one pruning looks at; the next one goes on. */
const MAX_ORPHANS = 1000;

export interface KubernetesJournalParts {
  readonly store: JournalStore;
  readonly key: SharedKey;
  /** As it stands in the Lease. */
  readonly identity: string;
  readonly random: Random;
}

export class KubernetesJournal implements Journal {
  readonly #store: JournalStore;
  readonly #chunks: ChunkedSecrets;
  readonly #heads: StreamHeads;
  readonly #turns = new Turns();
  #own = new OwnWrites("");

  constructor(private readonly parts: KubernetesJournalParts) {
    this.#store = parts.store;
    this.#chunks = new ChunkedSecrets(parts.store);
    this.#heads = new StreamHeads(parts.store, parts.key);
  }

  async open(): Promise<OpenedJournal> {
    this.#own = new OwnWrites(this.parts.random.uuid());
    await this.#openKey();
    const heads = await this.#heads.load();
    const found: KubeObject[] = [];
    for await (
      const object of this.#store.list("executions", {
        selector: `${LABELS.open}=true`,
        whole: true,
      })
    ) found.push(object);
    const open: ExecutionRecord[] = [];
    for (const object of found) {
      const record = await this.#claim(object);
      if (record) open.push(record);
    }
    return { open, heads };
  }

  async find(id: string): Promise<ExecutionRecord | null> {
    const stored = await this.#read(id);
    // One whose creation got no answer is not there yet, as far as the one who asks was told.
    if (!stored || (this.#own.isUnanswered(stored) && !this.#own.get(id))) return null;
    return stored.record;
  }

  async list({ limit, state }: ListOptions): Promise<RecordPage> {
    const selector = state ? `${LABELS.state}=${state}` : "";
    const names = await newestOf(this.#store.list("executions", { selector }), limit + 1);
    const records: ExecutionRecord[] = [];
    for (const name of names.slice(0, limit)) {
      const stored = await this.#read(name);
      if (stored) records.push(stored.record);
    }
    return { records, hasMore: names.length > limit };
  }

  create(record: ExecutionRecord, pack: PackageMaterial): Promise<ExecutionRecord | null> {
    return this.#turns.take(record.id, () => this.#create(record, pack));
  }

  replace(record: ExecutionRecord, pack?: PackageMaterial): Promise<ExecutionRecord> {
    return this.#turns.take(record.id, () => this.#replace(record, pack));
  }

  savePreimages(id: string, preimages: readonly Preimage[]): Promise<void> {
    return this.#turns.take(id, async () => {
      const uid = this.#own.get(id)?.uid ?? (await this.#found(id)).uid;
      const digest = canonicalDigest(preimages);
      await this.#chunks.save(id, "preimages", digest, preimages, { name: id, uid });
      // Those of a try that a crash cut short, before anything was changed.
      await this.#chunks.dropOthers(id, "preimages", digest);
    });
  }

  async package(id: string): Promise<PackageMaterial> {
    const { record } = await this.#found(id);
    return await this.#chunks.load(id, "package", packageKey(record)) as PackageMaterial;
  }

  async preimages(id: string): Promise<readonly Preimage[]> {
    return await this.#chunks.loadLast(id, "preimages") as Preimage[];
  }

  async dropPreimages(id: string): Promise<void> {
    await this.#turns.take(id, () => this.#chunks.drop(id, "preimages"));
  }

  async prune(options: PruneOptions): Promise<number> {
    const settled = this.#store.list("executions", { selector: `${LABELS.open}=false` });
    const ids = await prunable(settled, options);
    for (const id of ids) await this.#heads.forget(id);
    await options.beforeRemoval(new Set(ids));
    for (const id of ids) await this.#turns.take(id, () => this.#remove(id));
    await this.#sweep();
    return ids.length;
  }

  async #create(record: ExecutionRecord, pack: PackageMaterial): Promise<ExecutionRecord | null> {
    const { id } = record;
    const before = await this.#read(id);
    if (before && !this.#own.isUnanswered(before)) return null;
    await this.#chunks.save(id, "package", packageKey(record), pack);
    await this.#heads.raise(record);
    await this.#savePlan(record);
    const stored = before
      ? await this.#overwrite(record, before.record.version)
      : await this.#post(record);
    if (!stored) return null;
    this.#heads.confirm(record);
    await this.#adoptAll(id);
    return stored;
  }

  async #post(record: ExecutionRecord): Promise<ExecutionRecord | null> {
    const created = await this.#own.attempt(
      record,
      () => this.#store.create("executions", newObject(record, this.#claimOf())),
    );
    return created && this.#own.keep(record, created);
  }

  async #replace(record: ExecutionRecord, pack?: PackageMaterial): Promise<ExecutionRecord> {
    const known = this.#own.get(record.id);
    if (known && known.version !== record.version) throw changed(record.id);
    if (pack) {
      await this.#chunks.save(record.id, "package", packageKey(record), pack);
      await this.#heads.raise(record);
    }
    await this.#savePlan(record);
    const stored = await this.#overwrite(record, record.version);
    if (pack) {
      this.#heads.confirm(record);
      await this.#adoptAll(record.id);
    }
    return stored;
  }

  async #remove(id: string): Promise<void> {
    if (this.#own.get(id)) return; // taken up again meanwhile
    await this.#chunks.drop(id);
    await this.#store.remove("executions", id);
  }

  /** Secrets that a crash kept from getting their owner, or whose owner was never made. */
  async #sweep(): Promise<void> {
    let left = MAX_ORPHANS;
    for await (const { metadata } of this.#chunks.unowned()) {
      if (left-- <= 0) return;
      const id = (metadata.labels as Record<string, string>)[LABELS.execution] ?? "";
      // In its turn: a package is there before its execution, which may be about to come.
      await this.#turns.take(id, async () => {
        const owner = isExecutionId(id) ? await this.#store.find("executions", id) : null;
        if (owner) await this.#chunks.adopt(metadata.name, ownerOf(owner));
        else await this.#store.remove("secrets", metadata.name);
      });
    }
  }

  async #openKey(): Promise<void> {
    const { key } = this.parts;
    const newest = async () => {
      const one = this.#store.list("executions", { whole: true, limit: 1 });
      for await (const object of one) return object;
      return null;
    };
    // Asked for first: without its definition there is no journal, and no key is made for it.
    const any = await newest();
    await key.load(async () => any === null && await this.#heads.isEmpty());
    const sealedBy = any?.sealedBy;
    if (typeof sealedBy === "string" && sealedBy !== key.id) throw key.replaced(sealedBy);
  }

  /** null when it is no longer open. */
  async #claim(object: KubeObject): Promise<ExecutionRecord | null> {
    let stored: StoredExecution | null = await this.#parse(object);
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      if (!stored || isSettled(stored.record)) return null;
      const { id, version } = stored.record;
      const claimed = await this.#store.patch("executions", id, version, { ...this.#claimOf() });
      if (claimed) return this.#own.keep(stored.record, claimed);
      stored = await this.#read(id);
    }
    throw changed(object.metadata.name);
  }

  /** Annotations and the like may have been added: only another term's write, or another record, counts. */
  async #overwrite(record: ExecutionRecord, from: string): Promise<ExecutionRecord> {
    const { id } = record;
    const known = this.#own.get(id);
    const object = toObject(record, this.#claimOf());
    let version = from;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const patched = await this.#own.attempt(
        record,
        () => this.#store.patch("executions", id, version, object),
      );
      if (patched) return this.#own.keep(record, patched);
      const stored = await this.#read(id);
      const isSame = stored && this.#own.isOwn(stored, known) && this.#own.get(id) === known;
      if (!isSame) break;
      version = stored.record.version;
    }
    throw changed(id);
  }

  #claimOf(): Claim {
    return { leader: this.parts.identity, term: this.#own.term, sealedBy: this.parts.key.id };
  }

  async #savePlan(record: ExecutionRecord): Promise<void> {
    const large = largePlanOf(record);
    if (!large) return;
    const uid = this.#own.get(record.id)?.uid;
    const owner = uid === undefined ? undefined : { name: record.id, uid };
    await this.#chunks.save(record.id, "plan", large.key, large.plan, owner);
  }

  /** Secrets come before their execution, so that its being there says that they are. */
  async #adoptAll(id: string): Promise<void> {
    try {
      const owner = { name: id, uid: this.#own.get(id)!.uid };
      for await (const { metadata } of this.#chunks.unowned(id)) {
        await this.#chunks.adopt(metadata.name, owner);
      }
    } catch (error) {
      // The execution is on record all the same; the next pruning makes it good.
      if (!(error instanceof TransientError || error instanceof RefusedError)) throw error;
    }
  }

  async #found(id: string): Promise<StoredExecution> {
    const stored = await this.#read(id);
    if (stored) return stored;
    throw damaged(`WorkPackageExecution ${id}`, "it is gone");
  }

  async #read(id: string): Promise<StoredExecution | null> {
    if (!isExecutionId(id)) return null;
    const object = await this.#store.find("executions", id);
    return object && await this.#parse(object);
  }

  #parse(object: KubeObject): Promise<StoredExecution> {
    return fromObject(
      object,
      async (id, key) => await this.#chunks.load(id, "plan", key) as Plan,
    );
  }
}

function changed(id: string): RefusedError {
  return new RefusedError("not_leader", `${id} was changed by another leader`);
}
