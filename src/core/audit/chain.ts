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

/** A head as far as the next record names it. */
export type ChainLink = Omit<ChainHead, "tree">;

export interface Links {
  readonly lines: readonly Uint8Array[];
  /** Of these lines, for the tree. */
  readonly leaves: readonly Uint8Array[];
  readonly link: ChainLink;
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
  const { lines, leaves, link } = addLinks(head, entry, nowMs);
  return { lines, head: { ...link, tree: leaves.reduce(addLeaf, head.tree) } };
}

/** As `extendChain`, for who adds the leaves to the tree when there is time. */
export function addLinks(
  before: ChainLink,
  entry: AuditEntry | PreparedEntry,
  nowMs: number,
): Links {
  if (nowMs >= before.timeMs) return write(before, entry, nowMs);
  const stepped = write(before, clockStepped(before.timeMs, nowMs), nowMs);
  const extended = write(stepped.link, entry, nowMs);
  return {
    lines: [...stepped.lines, ...extended.lines],
    leaves: [...stepped.leaves, ...extended.leaves],
    link: extended.link,
  };
}

function clockStepped(fromMs: number, toMs: number): AuditEntry {
  return { type: CLOCK_STEPPED, actor: "connector", subject: "clock", data: { fromMs, toMs } };
}

function write(before: ChainLink, entry: AuditEntry | PreparedEntry, timeMs: number): Links {
  const sequence = before.sequence + 1;
  const { line, leafHash } = encodeRecord(entry, { seq: sequence, timeMs, prev: before.hash });
  const link = { sequence, hash: encodeHex(leafHash), timeMs };
  return { lines: [line], leaves: [leafHash], link };
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
