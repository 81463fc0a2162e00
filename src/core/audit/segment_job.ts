/**
 * One segment, verified where nothing is known of the others: from the state in which the one before it
 * claims to end. Whoever puts segments together compares each claim with what was found.
 */
import { ConnectorError } from "../../errors.ts";
import { concatBytes } from "./lines.ts";
import type { AuditRecord } from "./record.ts";
import type { SegmentName } from "./segment.ts";
import { followSegment, type LogState } from "./verify.ts";

export interface SegmentJob {
  readonly file: string;
  readonly name: SegmentName;
  readonly bytes: Uint8Array;
  /** Its tree is empty. */
  readonly claim: LogState;
  /** Sequences of records that are wanted besides those of types `audit.…` and `agent.…`, in order. */
  readonly wanted: readonly number[];
}

export interface SegmentResult {
  /** Its tree is empty. */
  readonly end: LogState;
  readonly bytes: number;
  readonly hasTorn: boolean;
  /** 32 bytes for each record. */
  readonly leaves: Uint8Array<ArrayBuffer>;
  /** Those that were wanted, and some more; in order. */
  readonly seen: readonly AuditRecord[];
}

/** Takes some ten milliseconds. */
const PIECE_BYTES = 2 << 20;

/**
 * null when anything is wrong: what, is for who follows the log in order to say.
 * @param rest awaited every now and then, by a thread that has to answer others meanwhile
 */
export async function runSegmentJob(
  job: SegmentJob,
  rest?: () => Promise<void>,
): Promise<SegmentResult | null> {
  const leaves: Uint8Array[] = [];
  const seen: AuditRecord[] = [];
  const see = Object.assign((record: AuditRecord) => void seen.push(record), {
    next: (after: number) => job.wanted.find((sequence) => sequence > after) ?? Infinity,
  });
  const onLeaves = (hashes: Uint8Array) => void leaves.push(hashes);
  try {
    const end = await followSegment(
      job.claim,
      job.file,
      job.name,
      pieces(job.bytes, rest),
      see,
      onLeaves,
    );
    const { state, bytes, torn } = end;
    return { end: state, bytes, hasTorn: torn !== null, leaves: concatBytes(leaves), seen };
  } catch (error) {
    if (error instanceof ConnectorError) return null;
    throw error;
  }
}

async function* pieces(bytes: Uint8Array, rest?: () => Promise<void>): AsyncGenerator<Uint8Array> {
  const size = rest ? PIECE_BYTES : bytes.length;
  for (let at = 0; at < bytes.length; at += size) {
    if (at > 0) await rest?.();
    yield bytes.subarray(at, at + size);
  }
}
