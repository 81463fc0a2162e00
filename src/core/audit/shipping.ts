/** What the upload loop needs of the log and of the object store, and what `audit verify` reads back. */
import type { AuditLog } from "../audit.ts";

export interface SealedSegment {
  readonly fileName: string;
  readonly day: string;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly shipment: Shipment | null;
}

/** Where a segment went, written down after the store was seen to hold it. */
export interface Shipment {
  readonly key: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
  readonly shippedAtMs: number;
  /** Until when the store was seen to retain it; not there where it retains nothing. */
  readonly retainedUntilMs?: number | undefined;
}

/** The sealed part of a log, in the order of the sequence. */
export interface SegmentStore {
  readonly chainId: string;
  list(): readonly SealedSegment[];
  /** The bytes, checked against the chain again. Throws RefusedError `audit_broken` when they changed. */
  read(fileName: string): Promise<Uint8Array<ArrayBuffer>>;
  /** A signed checkpoint at exactly the segment's last record; the same bytes each time. */
  checkpoint(fileName: string): Promise<string>;
  markShipped(fileName: string, shipment: Shipment): Promise<void>;
  /** Removes the oldest segment from the disk. It MUST be shipped. */
  removeOldest(fileName: string): Promise<void>;
}

/** A log that is cut into segments. */
export interface SegmentedLog extends AuditLog {
  readonly segments: SegmentStore;
  /** Seals the open day if it is over by UTC, and opens the present one. Throws as `record` does. */
  rotate(): Promise<void>;
  /** Ends the open segment here, for a stop after which nobody may come to ship it. Throws as `record` does. */
  seal(): Promise<void>;
}

export interface WormObject {
  readonly key: string;
  readonly body: Uint8Array;
}

/** What a store must hold under a key. */
export interface StoredClaim {
  readonly key: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
  /** It must be retained at least until then; null where that does not matter. */
  readonly retainedUntilMs: number | null;
  /** Whether it was seen there before: then it is damage when it is gone. */
  readonly wasSeen: boolean;
}

/** A store in which what was written once is never written again. */
export interface WormStore {
  /**
   * Retained until then where the bucket has Object Lock. `exists` when the same bytes are there
   * already; RefusedError `audit_broken` when other bytes are.
   */
  putCreateOnly(
    object: WormObject & { readonly retainUntilMs: number | null },
  ): Promise<"created" | "exists">;
  /**
   * Asks the store what it holds. TransientError `unavailable` when it holds nothing under the key (yet),
   * RefusedError `audit_broken` when it holds other bytes, or nothing any more, StalledError `bucket_settings` when Object Lock
   * is on and the object is retained less than it must be.
   */
  requireStored(claim: StoredClaim): Promise<void>;
  /** Whether objects are retained. */
  hasObjectLock(): Promise<boolean>;
}

export interface ObjectVersion {
  readonly key: string;
  readonly versionId: string;
  readonly isDeleteMarker: boolean;
}

/** Read-only access for verification. */
export interface Archive {
  /** Every version and delete marker under a prefix, in the order of their keys. */
  versions(prefix: string): AsyncIterable<ObjectVersion>;
  get(key: string): AsyncIterable<Uint8Array>;
}
