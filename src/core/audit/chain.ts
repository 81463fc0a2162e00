/** Where the log stands after its newest record, and the two ways on: to write a record, or to check one. */
import type { AuditEntry } from "../audit.ts";
import { encodeHex, sha256Hex } from "../encoding.ts";
import { addLeaf, EMPTY_TREE, type MerkleTree } from "./merkle.ts";
import { type AuditRecord, decodeRecord, encodeRecord, type PreparedEntry } from "./record.ts";

export const CLOCK_STEPPED = "audit.clock_stepped";

export interface ChainHead {
  /** Of the newest record; 0 before the first. */
  readonly sequence: number;
  /** What the next record's `prev` must be. */
  readonly hash: string;
  /** Wall-clock time of the newest record. */
  readonly timeMs: number;
  readonly tree: MerkleTree;
}

/** A log's lasting name: SHA-256 of the public key that signs its checkpoints, in hex. */
export function chainIdOf(publicKey: Uint8Array): string {
  return sha256Hex(publicKey);
}

/** Before the first record. Its `prev` is the chain id, so no record can move to another chain. */
export function emptyChain(chainId: string): ChainHead {
  return { sequence: 0, hash: chainId, timeMs: 0, tree: EMPTY_TREE };
}

export interface Extension {
  readonly lines: readonly Uint8Array[];
  readonly head: ChainHead;
}

/** Adds one record. When the clock went backwards, a record that says so comes first. */
export function extendChain(
  head: ChainHead,
  entry: AuditEntry | PreparedEntry,
  nowMs: number,
): Extension {
  if (nowMs >= head.timeMs) return write(head, entry, nowMs);
  const stepped = write(head, clockStepped(head.timeMs, nowMs), nowMs);
  const extended = write(stepped.head, entry, nowMs);
  return { lines: [...stepped.lines, ...extended.lines], head: extended.head };
}

function clockStepped(fromMs: number, toMs: number): AuditEntry {
  return { type: CLOCK_STEPPED, actor: "connector", subject: "clock", data: { fromMs, toMs } };
}

function write(head: ChainHead, entry: AuditEntry | PreparedEntry, timeMs: number): Extension {
  const sequence = head.sequence + 1;
  const { line, leafHash } = encodeRecord(entry, { seq: sequence, timeMs, prev: head.hash });
  const tree = addLeaf(head.tree, leafHash);
  return { lines: [line], head: { sequence, hash: encodeHex(leafHash), timeMs, tree } };
}

/**
 * Checks that a line (without its line feed) is the next record.
 * @throws Error that says in one sentence what is wrong with it
 */
export function followChain(
  head: ChainHead,
  line: Uint8Array,
): { record: AuditRecord; head: ChainHead } {
  const { record, leafHash } = decodeRecord(line);
  const sequence = head.sequence + 1;
  if (record.seq !== sequence) {
    throw new Error(`expected sequence ${sequence}, found ${record.seq}`);
  }
  if (record.prev !== head.hash) {
    throw new Error(`expected prev ${head.hash}, found ${record.prev}`);
  }
  if (record.timeMs < head.timeMs && record.type !== CLOCK_STEPPED) {
    throw new Error(
      `expected a time of ${head.timeMs} or later, or a ${CLOCK_STEPPED} record; found ${record.timeMs}`,
    );
  }
  const tree = addLeaf(head.tree, leafHash);
  return { record, head: { sequence, hash: record.hash, timeMs: record.timeMs, tree } };
}
