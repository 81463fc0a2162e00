/** What the signals loops need from outside. The adapters fulfil these; tests bring their own. */
import type { AuditLog } from "../core/audit.ts";
import type { HealthBoard } from "../core/health.ts";
import type { Gap } from "../core/protocol.ts";
import type { Cursor } from "../core/signals/cursor.ts";
import type { SignalsSource } from "../core/signals/range_answer.ts";
import type { OutgoingBatch, PackedWindow, Packer } from "../core/signals/series_handler.ts";
import type { Config } from "../config/schema.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Clock, Random } from "../runtime.ts";

/** Where windows go: what they are packed into, and who takes it. */
export interface SignalsSink {
  /** It refuses what is older than what it has of a series, so that history cannot come later. */
  readonly inOrderOnly?: boolean;
  pack(window: PackedWindow): Packer;
  /**
   * Resolves once the receiver has acknowledged. Throws InvalidInputError for what it will never
   * take (400, 413, 422), TransientError and StalledError for everything else.
   */
  send(batch: OutgoingBatch, signal: AbortSignal): Promise<void>;
}

export interface CursorStore {
  load(query: string): Promise<Cursor | null>;
  /** Resolves once the cursor is on the disk. */
  save(cursor: Cursor): Promise<void>;
}

export interface GapLedger {
  pending(query: string, afterMs: number): Promise<Gap[]>;
  /**
   * Resolves once the gaps are on the disk.
   * @param open recorded before, and not acknowledged: whatever else is old may be dropped
   */
  append(query: string, gaps: readonly Gap[], open: readonly Gap[]): Promise<void>;
}

export interface Quarantine {
  /** Resolves with the kept file's name, or null when there is no room for it. */
  keep(name: string, bytes: Uint8Array): Promise<string | null>;
}

export interface SignalsDeps {
  readonly config: Config["signals"];
  clusterId(): string;
  readonly source: SignalsSource;
  readonly sink: SignalsSink;
  readonly cursors: CursorStore;
  readonly gaps: GapLedger;
  readonly quarantine: Quarantine;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly health: HealthBoard;
  readonly metrics: Metrics;
  readonly audit?: AuditLog;
}

export type SignalsQuery = Config["signals"]["queries"][number];
