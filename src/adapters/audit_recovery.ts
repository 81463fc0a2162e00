/**
 * What `openAuditLog` finds on the disk. The whole chain is followed; only what an unfinished write
 * left behind the last record is cut off, and any other damage stops here with every byte kept.
 */
import * as z from "zod";
import { encodeBase64 } from "../core/encoding.ts";
import { chainIdOf } from "../core/audit/chain.ts";
import { countPeaks } from "../core/audit/merkle.ts";
import {
  DAY_SEALED,
  LOG_FORMAT,
  parseSegmentFileName,
  SEGMENT_SEALED,
  type SegmentName,
} from "../core/audit/segment.ts";
import {
  AuditDamageError,
  emptyLog,
  followSegment,
  type LogState,
  type SegmentEnd,
  type VisitRecord,
} from "../core/audit/verify.ts";
import type { Files } from "../runtime.ts";
import { followSideBySide, type SegmentVerifier } from "./audit_parallel.ts";

const READ_BYTES = 1 << 19;
const BASE_FILE = "base.json";
const MAX_BASE_BYTES = 65_536;

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const Base = z.strictObject({
  format: z.literal(LOG_FORMAT),
  publicKey: z.base64(),
  day: z.iso.date(),
  sealedBy: z.enum([DAY_SEALED, SEGMENT_SEALED]),
  sequence: z.int().min(1),
  hash,
  timeMs: z.int().min(0),
  peaks: z.array(hash).min(1).max(53),
}).refine((base) => base.peaks.length === countPeaks(base.sequence));

export interface StoredSegment {
  readonly fileName: string;
  readonly name: SegmentName;
  readonly before: LogState;
  readonly end: SegmentEnd;
}

export function joinPath(directory: string, fileName: string): string {
  return `${directory}/${fileName}`;
}

/** The next one is read while this one is looked at. */
export async function* readChunks(files: Files, path: string): AsyncGenerator<Uint8Array> {
  let next = files.readAt(path, 0, READ_BYTES);
  try {
    for (let offset = 0;;) {
      const chunk = await next;
      if (chunk.length === 0) return;
      offset += chunk.length;
      if (chunk.length === READ_BYTES) next = files.readAt(path, offset, READ_BYTES);
      yield chunk;
      if (chunk.length < READ_BYTES) return;
    }
  } finally {
    await next.catch(() => {});
  }
}

/** Where the local log begins: behind the segments that were shipped and removed. */
export async function readBase(files: Files, directory: string): Promise<LogState> {
  const bytes = await files.read(joinPath(directory, BASE_FILE), MAX_BASE_BYTES);
  if (bytes === null) return emptyLog(null);
  try {
    const base = Base.parse(JSON.parse(new TextDecoder().decode(bytes)));
    const { sequence, hash, timeMs, day, sealedBy } = base;
    const peaks = base.peaks.map((peak) => Uint8Array.fromHex(peak));
    return {
      head: { sequence, hash, timeMs, tree: { size: sequence, peaks } },
      publicKey: Uint8Array.fromBase64(base.publicKey),
      day,
      sealedBy,
    };
  } catch {
    throw new AuditDamageError(
      { file: BASE_FILE, line: null, sequence: null },
      "it does not say where the local log begins",
    );
  }
}

/** MUST come before the segments up to there are removed. */
export async function writeBase(files: Files, directory: string, state: LogState): Promise<void> {
  const { head, publicKey, day, sealedBy } = state;
  const { sequence, hash, timeMs, tree } = head;
  const base = {
    format: LOG_FORMAT,
    publicKey: encodeBase64(publicKey!),
    day,
    sealedBy,
    sequence,
    hash,
    timeMs,
    peaks: tree.peaks.map((peak) => peak.toHex()),
  };
  const text = JSON.stringify(base, null, 2) + "\n";
  await files.replaceDurably(joinPath(directory, BASE_FILE), new TextEncoder().encode(text));
}

/** Segments in the order of their sequence. */
export async function listSegments(
  files: Files,
  directory: string,
): Promise<{ fileName: string; name: SegmentName }[]> {
  return (await files.list(directory)).flatMap((fileName) => {
    const name = parseSegmentFileName(fileName);
    return name ? [{ fileName, name }] : [];
  });
}

/**
 * Follows the local log from its base to its end. Reads in small pieces; changes nothing.
 * Segments that the base covers already, left over by a crash, are skipped.
 * @throws AuditDamageError for anything but a torn tail of the last segment
 */
export async function followDirectory(
  files: Files,
  directory: string,
  publicKey: Uint8Array | null,
  visit?: VisitRecord,
  verifier?: SegmentVerifier,
): Promise<{ base: LogState; state: LogState; segments: StoredSegment[] }> {
  const stored = await readBase(files, directory);
  const base = stored.publicKey === null ? emptyLog(publicKey) : stored;
  requireKey(base, publicKey);
  const segments: StoredSegment[] = [];
  let state = base;
  const listed = (await listSegments(files, directory))
    .filter(({ name }) => name.firstSequence > base.head.sequence)
    .map((segment) => ({ ...segment, path: joinPath(directory, segment.fileName) }));
  let isAlone = !verifier || !visit?.next;
  while (segments.length < listed.length) {
    // The first segment of all says whose log it is; from there on the others can be taken side by side.
    if (!isAlone && state.head.sequence > 0) {
      const rest = listed.slice(segments.length);
      for await (const end of followSideBySide(files, state, rest, verifier!, visit!)) {
        const { fileName, name } = listed[segments.length]!;
        segments.push({ fileName, name, before: state, end });
        state = end.state;
      }
      isAlone = true;
      continue;
    }
    const { fileName, name, path } = listed[segments.length]!;
    const last = segments.at(-1);
    if (last) requireWhole(last);
    const chunks = readChunks(files, path);
    const end = await followSegment(state, fileName, name, chunks, visit);
    const segment = { fileName, name, before: state, end };
    if (end.state.sealedBy !== null && end.bytes > 0) requireWhole(segment);
    segments.push(segment);
    state = end.state;
  }
  return { base, state, segments };
}

function requireKey(base: LogState, publicKey: Uint8Array | null): void {
  if (base.publicKey === null || publicKey === null) return;
  const [expected, found] = [chainIdOf(publicKey), chainIdOf(base.publicKey)];
  if (expected !== found) {
    throw new AuditDamageError(
      { file: BASE_FILE, line: null, sequence: null },
      `expected the chain ${expected}, found ${found}`,
    );
  }
}

/** Nothing may be torn or empty that another file follows. */
export function requireWhole({ fileName, end }: StoredSegment): void {
  const problem = end.torn !== null
    ? `expected a line feed at the end, found an unfinished line of ${end.torn.length} bytes`
    : end.bytes === 0
    ? "expected records, found an empty file"
    : null;
  if (problem === null) return;
  const sequence = end.state.head.sequence + 1;
  throw new AuditDamageError({ file: fileName, line: null, sequence }, problem);
}
