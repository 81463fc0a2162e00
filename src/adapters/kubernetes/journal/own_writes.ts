/** What one term of leading wrote: by it a write of its own is told from that of another leader. */
import { TransientError } from "../../../errors.ts";
import type { ExecutionRecord } from "../../../core/execution.ts";
import type { KubeObject } from "../../../core/kubernetes_object.ts";
import { isSettled } from "../../../core/receipt.ts";
import type { StoredExecution } from "./execution_object.ts";

/** An execution as this term last wrote or claimed it. */
export interface Known {
  readonly version: string;
  readonly seal: string;
  readonly uid: string;
}

export class OwnWrites {
  /** Of what is not settled. */
  readonly #known = new Map<string, Known>();
  /** Seals of writes that got no answer: they may have been done. */
  readonly #unanswered = new Map<string, Set<string>>();

  constructor(readonly term: string) {}

  get(id: string): Known | undefined {
    return this.#known.get(id);
  }

  /** Remembers what may have been written although nobody heard of it. */
  async attempt<T>({ id, seal }: ExecutionRecord, write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (error instanceof TransientError) {
        const seals = this.#unanswered.get(id) ?? new Set();
        this.#unanswered.set(id, seals.add(seal));
      }
      throw error;
    }
  }

  /** @param object as the API server has it now */
  keep(record: ExecutionRecord, { metadata }: KubeObject): ExecutionRecord {
    const { id, seal } = record;
    const kept = { ...record, version: String(metadata.resourceVersion) };
    this.#unanswered.delete(id);
    if (isSettled(record)) this.#known.delete(id);
    else this.#known.set(id, { version: kept.version, seal, uid: String(metadata.uid) });
    return kept;
  }

  /** Whether nothing but metadata differs from what this term wrote, or may have written. */
  isOwn(stored: StoredExecution, known: Known | undefined): boolean {
    const isSame = stored.claim.term === this.term && stored.record.seal === known?.seal;
    return isSame || this.isUnanswered(stored);
  }

  isUnanswered({ record, claim }: StoredExecution): boolean {
    const seals = this.#unanswered.get(record.id);
    return claim.term === this.term && Boolean(seals?.has(record.seal));
  }
}
