/** The port to the durable record of executions. Files on an edge host; the API server in a cluster. */
import type { ExecutionRecord, PackageMaterial, Preimage } from "../core/execution.ts";
import type { ExecutionState } from "../core/protocol.ts";
import type { StreamHead } from "../core/stream_head.ts";

export interface OpenedJournal {
  /** Every record that is not settled (see isSettled), in no particular order. */
  readonly open: readonly ExecutionRecord[];
  readonly heads: ReadonlyMap<string, StreamHead>;
}

export interface ListOptions {
  readonly limit: number;
  readonly state?: ExecutionState;
}

export interface RecordPage {
  /** Newest first. */
  readonly records: readonly ExecutionRecord[];
  readonly hasMore: boolean;
}

export interface PruneOptions {
  /** Only what has reached its end before this moment, epoch ms. */
  readonly endedBeforeMs: number;
  /** Only packages that have expired by this moment, epoch ms. */
  readonly nowMs: number;
  readonly limit: number;
  /** Called with the ids that are about to go, so that what is kept elsewhere for them goes first. */
  readonly beforeRemoval: (ids: ReadonlySet<string>) => Promise<void>;
}

/**
 * Reads throw StalledError `state_damaged` on what cannot be read. Seals of records and digests of what
 * belongs to them are the book's to check; those of the heads the journal's.
 */
export interface Journal {
  /** At the start, and at the start of each term of leading. Never reads settled records. */
  open(): Promise<OpenedJournal>;
  /** Any record, settled or not; null when there is none. */
  find(id: string): Promise<ExecutionRecord | null>;
  /** Newest first by `receivedAtMs`, then by id; reads no more than it returns. */
  list(options: ListOptions): Promise<RecordPage>;
  /**
   * Durable when it resolves: the package first, then the stream's head, if the record raises it, and last
   * the record, which makes it all count. null when the id exists already: the store itself refuses a second.
   */
  create(record: ExecutionRecord, pack: PackageMaterial): Promise<ExecutionRecord | null>;
  /**
   * Durable when it resolves. A record that is settled now leaves the set of open ones.
   * @param pack where a refused package is taken up again: it and the head are durable before the record
   * Throws RefusedError `not_leader` when `record.version` is not the latest.
   */
  replace(record: ExecutionRecord, pack?: PackageMaterial): Promise<ExecutionRecord>;
  /** Durable when it resolves; the record that goes with it names them by `preimagesDigest`. */
  savePreimages(id: string, preimages: readonly Preimage[]): Promise<void>;
  package(id: string): Promise<PackageMaterial>;
  preimages(id: string): Promise<readonly Preimage[]>;
  /** Preimages may hold secrets. Durable; no error when there are none. */
  dropPreimages(id: string): Promise<void>;
  /**
   * Removes settled records, oldest first, with all that belongs to them, and what crashes left behind.
   * Before a record goes, a head that names it forgets its id, so that the package cannot come again.
   * Returns how many went.
   */
  prune(options: PruneOptions): Promise<number>;
}
