/**
 * Follows a log segment by segment and names the first place that is not what its writer left.
 * The running connector recovers with it and `audit verify` judges with it: one set of rules.
 */
import canonicalize from "canonicalize";
import { ConnectorError, RefusedError } from "../../errors.ts";
import type { AuditEntry } from "../audit.ts";
import { decodeBase64 } from "../encoding.ts";
import { type ChainHead, chainIdOf, emptyChain, followChain } from "./chain.ts";
import { PlainRuns } from "./fast/plain_run.ts";
import { concatBytes } from "./lines.ts";
import { EMPTY_TREE, type MerkleTree } from "./merkle.ts";
import { type AuditRecord, decodeRecord, MAX_LINE_BYTES } from "./record.ts";
import {
  DAY_SEALED,
  GENESIS,
  genesisEntry,
  isBoundary,
  LOG_FORMAT,
  openedEntry,
  sealedEntry,
  SEGMENT_SEALED,
  type SegmentName,
} from "./segment.ts";

const LINE_FEED = 10;
/** The most that a writer may put into one write, and so leave unfinished behind the last complete line. */
export const MAX_TORN_BYTES = 64 * MAX_LINE_BYTES;

export interface DamagePlace {
  readonly file: string;
  /** 1 for the first; null when the whole file is meant. */
  readonly line: number | null;
  /** That the record there should have had. */
  readonly sequence: number | null;
}

/** The log is not what was written. Its message holds the place; nothing is ever repaired behind it. */
export class AuditDamageError extends RefusedError {
  constructor(readonly place: DamagePlace, readonly problem: string) {
    const line = place.line === null ? "" : `, line ${place.line}`;
    const sequence = place.sequence === null ? "" : ` (record ${place.sequence})`;
    super("audit_broken", `${place.file}${line}${sequence}: ${problem}`, {
      hint:
        "keep the files as they are; compare them with the uploaded days and find out who wrote",
    });
  }
}

/** Where the log stands between two records. */
export interface LogState {
  readonly head: ChainHead;
  /** Raw Ed25519, from the genesis record; null before it. */
  readonly publicKey: Uint8Array | null;
  /** Of the newest segment; null before the first. */
  readonly day: string | null;
  /** What the newest segment ended with; null while it is open. */
  readonly sealedBy: typeof DAY_SEALED | typeof SEGMENT_SEALED | null;
}

export interface SegmentEnd {
  readonly state: LogState;
  /** Length of all complete lines. */
  readonly bytes: number;
  /** What follows the last line feed, if anything. */
  readonly torn: Uint8Array | null;
}

export interface VisitRecord {
  (record: AuditRecord, state: LogState, file: string): void;
  /**
   * The next record, by sequence, that it has to see; Infinity for none. It sees those of types `audit.…` and
   * `agent.…` besides, and may see others. Without this, it sees all: and then each is decoded, which takes
   * ten times as long as to see that it is good.
   */
  next?(after: number): number;
}

/** What is shorter is not worth the making of what follows plain records. */
const FAST_FROM_BYTES = 32 * 1024;
let fast: PlainRuns | null = null;

/** Before the first record of the log with this key, or of any log when the key is not known yet. */
export function emptyLog(publicKey: Uint8Array | null): LogState {
  const head = emptyChain(publicKey === null ? "" : chainIdOf(publicKey));
  return { head, publicKey, day: null, sealedBy: null };
}

/**
 * @param state at the end of the segment before
 * @param visit sees every record that holds; an Error that it throws becomes damage at that place
 * @param onLeaves gets the leaves of the Merkle tree in the place of the tree, which then stays empty
 * @throws AuditDamageError with the exact place
 */
export async function followSegment(
  state: LogState,
  file: string,
  name: SegmentName,
  chunks: AsyncIterable<Uint8Array>,
  visit?: VisitRecord,
  onLeaves?: (hashes: Uint8Array) => void,
): Promise<SegmentEnd> {
  let bytes = 0;
  let line = 0;
  const judge = (content: Uint8Array) => {
    line += 1;
    try {
      if (content.length >= MAX_LINE_BYTES) {
        throw new Error(`expected a line of less than ${MAX_LINE_BYTES} bytes`);
      }
      const next = followRecord(state, content, name, line === 1);
      visit?.(next.record, next.state, file);
      if (onLeaves) onLeaves(Uint8Array.fromHex(next.state.head.hash));
      state = onLeaves ? withoutTree(next.state) : next.state;
    } catch (error) {
      if (error instanceof ConnectorError) throw error;
      const sequence = state.head.sequence + 1;
      throw new AuditDamageError({ file, line, sequence }, (error as Error).message);
    }
    bytes += content.length + 1;
  };
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of chunks) {
    const content = rest.length === 0 ? chunk : concatBytes([rest, chunk]);
    let at = 0;
    let mayRun = content.length >= FAST_FROM_BYTES;
    for (let end; (end = content.indexOf(LINE_FEED, at)) >= 0; at = end + 1) {
      while (mayRun && line > 0 && state.sealedBy === null) {
        const { sequence } = state.head;
        const stopAt = visit === undefined ? Infinity : visit.next?.(sequence) ?? sequence + 1;
        const run = (fast ??= new PlainRuns()).follow(state.head, content, at, stopAt, onLeaves);
        if (run === null) {
          mayRun = !fast.wasFalse; // one by one, so that the false one is named
          break;
        }
        state = { ...state, head: run.head };
        line += run.records;
        bytes += run.bytes;
        at += run.bytes;
      }
      end = content.indexOf(LINE_FEED, at);
      if (end < 0) break;
      judge(content.subarray(at, end));
    }
    rest = content.slice(at);
    if (rest.length > MAX_TORN_BYTES) judge(rest);
  }
  return { state, bytes, torn: rest.length > 0 ? rest : null };
}

/** Adds leaf hashes, 32 bytes each, to a tree. */
export function addLeaves(tree: MerkleTree, hashes: Uint8Array): MerkleTree {
  return (fast ??= new PlainRuns()).addLeaves(tree, hashes);
}

export function withoutTree(state: LogState): LogState {
  return { ...state, head: { ...state.head, tree: EMPTY_TREE } };
}

function followRecord(
  state: LogState,
  line: Uint8Array,
  name: SegmentName,
  opens: boolean,
): { record: AuditRecord; state: LogState } {
  if (state.sealedBy !== null && !opens) {
    throw new Error(`expected the end of the file after ${state.sealedBy}`);
  }
  const start = state.head.sequence === 0 ? emptyLog(genesisKey(line, state)) : state;
  const { record, head } = followChain(start.head, line);
  if (opens) expectEntry(record, openingOf(start, name));
  else if (record.type === DAY_SEALED || record.type === SEGMENT_SEALED) {
    expectEntry(record, sealedEntry(name, record.seq, record.type === DAY_SEALED));
    return { record, state: { ...start, head, sealedBy: record.type } };
  } else if (isBoundary(record.type)) {
    throw new Error(`${record.type} may stand only at the beginning of a file`);
  }
  return { record, state: { ...start, head, day: name.day, sealedBy: null } };
}

/** The entry that the first record of this segment must hold. */
function openingOf(state: LogState, { firstSequence, day }: SegmentName): AuditEntry {
  const sequence = state.head.sequence + 1;
  if (firstSequence !== sequence) {
    throw new Error(`the file name says sequence ${firstSequence}, expected ${sequence}`);
  }
  if (state.day === null) return genesisEntry(state.publicKey!, day);
  if (state.sealedBy === null) {
    throw new Error("the file before this one does not end with a seal");
  }
  if (day < state.day || (day === state.day) !== (state.sealedBy === SEGMENT_SEALED)) {
    throw new Error(`the file is of ${day}, but follows a ${state.sealedBy} of ${state.day}`);
  }
  return openedEntry(day, state.day);
}

function expectEntry({ type, actor, subject, data }: AuditRecord, expected: AuditEntry): void {
  const found = canonicalize({ type, actor, subject, data });
  const wanted = canonicalize(expected);
  if (found !== wanted) throw new Error(`expected ${wanted}, found ${found}`);
}

/** The key that the genesis record names: the one that is known, or any when none is. */
function genesisKey(line: Uint8Array, state: LogState): Uint8Array {
  const { record } = decodeRecord(line);
  if (record.type !== GENESIS || record.data.format !== LOG_FORMAT) {
    throw new Error(`expected a ${GENESIS} record of ${LOG_FORMAT}, found ${record.type}`);
  }
  const publicKey = decodeBase64(String(record.data.publicKey));
  if (state.publicKey !== null && record.data.chain !== chainIdOf(state.publicKey)) {
    throw new Error(
      `expected the chain ${chainIdOf(state.publicKey)}, found ${record.data.chain}`,
    );
  }
  return publicKey;
}
