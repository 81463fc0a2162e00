/**
 * Follows a log's segments side by side. Each is verified from what the one before it claims at its end, and
 * the claims are compared in order: what holds so holds as if it had been followed from the first record on.
 */
import { decodeRecord, MAX_LINE_BYTES } from "../core/audit/record.ts";
import { DAY_SEALED, SEGMENT_SEALED, type SegmentName } from "../core/audit/segment.ts";
import type { SegmentJob, SegmentResult } from "../core/audit/segment_job.ts";
import {
  addLeaves,
  type LogState,
  type SegmentEnd,
  type VisitRecord,
  withoutTree,
} from "../core/audit/verify.ts";
import { ConnectorError } from "../errors.ts";
import type { Files } from "../runtime.ts";

const HASH_BYTES = 32;
const LINE_FEED = 10;

export interface SegmentVerifier {
  readonly count: number;
  verify(job: SegmentJob): Promise<SegmentResult | null>;
}

export interface ListedSegment {
  readonly path: string;
  readonly fileName: string;
  readonly name: SegmentName;
}

/**
 * The ends of as many segments as hold, in order, from the first on. It stops without a word at one that
 * does not, or whose beginning cannot be known: who follows it from there says why.
 */
export async function* followSideBySide(
  files: Files,
  start: LogState,
  segments: readonly ListedSegment[],
  verifier: SegmentVerifier,
  visit: VisitRecord,
): AsyncGenerator<SegmentEnd> {
  const running: Promise<Verified | null>[] = [];
  let launched = 0;
  let claim: LogState | null = withoutTree(start);
  let state = start;
  try {
    for (const segment of segments) {
      // Two more than there are threads, so that none of them waits for the disk or for this one.
      while (launched < segments.length && running.length < verifier.count + 2 && claim !== null) {
        const next = segments[launched++]!;
        running.push(launch(files, next, claim, verifier, visit));
        claim = await claimAfter(files, next, claim);
      }
      const verified = await running.shift();
      if (!verified || verified.result.hasTorn || !isSame(verified.claim, state)) return;
      try {
        state = putTogether(state, segment, verified.result, visit);
      } catch (error) {
        if (error instanceof ConnectorError) throw error;
        return; // the visitor did not like something: at which line, is said by who reads line by line
      }
      yield { state, bytes: verified.result.bytes, torn: null };
    }
  } finally {
    await Promise.allSettled(running);
  }
}

interface Verified {
  readonly claim: LogState;
  readonly result: SegmentResult;
}

async function launch(
  files: Files,
  { path, fileName, name }: ListedSegment,
  claim: LogState,
  verifier: SegmentVerifier,
  visit: VisitRecord,
): Promise<Verified | null> {
  const size = (await files.stat(path))?.size ?? 0;
  const bytes = await files.readAt(path, 0, size);
  const wanted: number[] = [];
  // No record is shorter than 200 bytes.
  const last = claim.head.sequence + Math.ceil(size / 200);
  for (let next = claim.head.sequence; (next = visit.next!(next)) <= last;) wanted.push(next);
  const result = await verifier.verify({ file: fileName, name, bytes, claim, wanted })
    .catch(() => null);
  return result && { claim, result };
}

/** What the last line of a segment says; null when that is no seal. */
async function claimAfter(
  files: Files,
  { path, name }: ListedSegment,
  before: LogState,
): Promise<LogState | null> {
  const size = (await files.stat(path))?.size ?? 0;
  const from = Math.max(0, size - MAX_LINE_BYTES);
  const tail = await files.readAt(path, from, size - from);
  const begin = tail.lastIndexOf(LINE_FEED, tail.length - 2) + 1;
  try {
    const { record } = decodeRecord(tail.subarray(begin, -1));
    const { type, seq: sequence, hash, timeMs } = record;
    if (type !== DAY_SEALED && type !== SEGMENT_SEALED) return null;
    const head = { ...before.head, sequence, hash, timeMs };
    return { head, publicKey: before.publicKey, day: name.day, sealedBy: type };
  } catch {
    return null;
  }
}

function isSame(claim: LogState, { head, day, sealedBy }: LogState): boolean {
  return claim.head.sequence === head.sequence && claim.head.hash === head.hash &&
    claim.head.timeMs === head.timeMs && claim.day === day && claim.sealedBy === sealedBy;
}

/** Adds the leaves to the tree, and shows the visitor what it wanted, each with the tree of its place. */
function putTogether(
  start: LogState,
  { fileName, name }: ListedSegment,
  { end, leaves, seen }: SegmentResult,
  visit: VisitRecord,
): LogState {
  let { tree } = start.head;
  const upTo = (sequence: number) => {
    const from = tree.size - start.head.sequence;
    const to = sequence - start.head.sequence;
    tree = addLeaves(tree, leaves.subarray(from * HASH_BYTES, to * HASH_BYTES));
  };
  for (const record of seen) {
    const { seq: sequence, hash, timeMs, type } = record;
    upTo(sequence);
    const sealedBy = type === DAY_SEALED || type === SEGMENT_SEALED ? type : null;
    const head = { sequence, hash, timeMs, tree };
    visit(record, { head, publicKey: end.publicKey, day: name.day, sealedBy }, fileName);
  }
  upTo(end.head.sequence);
  return { ...end, head: { ...end.head, tree } };
}
