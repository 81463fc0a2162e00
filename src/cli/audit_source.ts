/** Where a log is read from, and one way to follow it for every command that proves or prints. */
import { createPublicKey } from "node:crypto";
import { joinPath, readBase, readChunks, requireWhole } from "../adapters/audit_recovery.ts";
import { type Anchor, Anchors } from "../core/audit/anchors.ts";
import { followArchive } from "../core/audit/archive.ts";
import { readCheckpoint } from "../core/audit/checkpoint.ts";
import { EMPTY_TREE, type MerkleTree } from "../core/audit/merkle.ts";
import type { Archive } from "../core/audit/shipping.ts";
import { AuditDamageError, type LogState, type VisitRecord } from "../core/audit/verify.ts";
import { decodeBase64, decodeUtf8 } from "../core/encoding.ts";
import { ConnectorError, InvalidInputError, RefusedError } from "../errors.ts";
import type { Files } from "../runtime.ts";
import { followFolder } from "./audit_follow.ts";
import type { CliIo } from "./io.ts";
import { Progress, type ProgressOutput } from "./progress.ts";

export type AuditIo = Pick<CliIo, "print" | "printError" | "readFile"> & {
  readonly files: Files;
  /** Without it, long work is silent. */
  readonly progress?: ProgressOutput;
};

export interface ArchiveSource {
  readonly archive: Archive;
  readonly prefix: string;
  /** null unless one of several logs is meant. */
  readonly chainId: string | null;
}

export type AuditSource = { readonly directory: string } | ArchiveSource;

/** The newest checkpoint that the connector signed for its heartbeat, beside the segments. */
export const LATEST_CHECKPOINT = "latest.checkpoint";

export interface Followed {
  readonly state: LogState;
  /** How many records were shipped and removed, so that they are not in this source. */
  readonly removedRecords: number;
}

/**
 * Follows all of it, and compares every checkpoint that is known. Throws AuditDamageError.
 * @param visit may throw; an Error becomes damage at that record
 */
export async function followSource(
  source: AuditSource,
  io: AuditIo,
  key: Uint8Array | null,
  anchors: Anchors,
  visit: VisitRecord = () => {},
): Promise<Followed> {
  const progress = await Progress.start(io.progress, "audit log", () => sizeOf(source, io.files));
  const see: VisitRecord = (record, state, file) => {
    anchors.compare(state);
    visit(record, state, file);
  };
  const next = (after: number) => Math.min(visit.next!(after), anchors.next(after));
  const compare: VisitRecord = visit.next ? Object.assign(see, { next }) : see;
  let followed: Followed;
  try {
    if ("directory" in source) {
      const files = progress.counting(io.files);
      const found = await followFolder(files, source.directory, key, compare);
      const last = found.segments.at(-1);
      if (last) requireWhole(last);
      if (found.base.publicKey !== null) compareBase(anchors, found.base);
      followed = { state: found.state, removedRecords: found.base.head.sequence };
    } else {
      const archive = progress.countingArchive(source.archive);
      const place = { prefix: source.prefix, chainId: source.chainId, publicKey: key };
      const state = await followArchive(archive, place, anchors, compare);
      followed = { state, removedRecords: 0 };
    }
  } finally {
    progress.end();
  }
  if (followed.state.head.sequence === 0) {
    throw new RefusedError("not_found", `There is no audit log in ${nameOf(source)}`);
  }
  anchors.finish(nameOf(source), followed.state);
  return followed;
}

function compareBase(anchors: Anchors, base: LogState): void {
  try {
    anchors.compare(base);
  } catch (error) {
    if (error instanceof ConnectorError) throw error;
    const place = { file: "base.json", line: null, sequence: null };
    throw new AuditDamageError(place, (error as Error).message);
  }
}

export function nameOf(source: AuditSource): string {
  return "directory" in source ? source.directory : `${source.prefix}/`;
}

/** The tree of the records that come before the first one here. */
export async function baseTree(source: AuditSource, files: Files): Promise<MerkleTree> {
  if (!("directory" in source)) return EMPTY_TREE;
  return (await readBase(files, source.directory)).head.tree;
}

/** The bytes of one file of the log, by the name that a visitor was told. */
export function readLogFile(
  source: AuditSource,
  files: Files,
  name: string,
): AsyncIterable<Uint8Array> {
  return "directory" in source
    ? readChunks(files, joinPath(source.directory, name))
    : source.archive.get(name);
}

/** Remembers the newest checkpoint: in an archive, the one beside the last segment. */
export class KnownAnchors extends Anchors {
  newest: Anchor | null = null;

  override add(anchor: Anchor): void {
    super.add(anchor);
    const size = (note: string) => readCheckpoint(note).size;
    if (this.newest === null || size(anchor.note) >= size(this.newest.note)) this.newest = anchor;
  }
}

/**
 * The checkpoint that a proof is to lead to: the one that is named, or the newest beside the log;
 * null for an archive, whose own checkpoints come along with it.
 */
export async function chooseCheckpoint(
  source: AuditSource,
  io: AuditIo,
  path: string | undefined,
): Promise<Anchor | null> {
  if (path !== undefined) return { label: path, note: await readText(io, path) };
  if (!("directory" in source)) return null;
  const label = joinPath(source.directory, LATEST_CHECKPOINT);
  const bytes = await io.files.read(label, 16_384);
  if (bytes !== null) return { label, note: decodeUtf8(bytes) };
  throw new RefusedError("not_found", `There is no checkpoint ${label}`, {
    hint: "pass one with --checkpoint, or read the archive, which has its own (--from)",
  });
}

/** Throws RefusedError `not_found`, InvalidInputError `malformed_request`. */
export async function readText(io: Pick<AuditIo, "readFile">, path: string): Promise<string> {
  const bytes = await io.readFile(path);
  if (bytes === null) throw new RefusedError("not_found", `There is no file ${path}`);
  try {
    return decodeUtf8(bytes);
  } catch {
    throw new InvalidInputError("malformed_request", `${path} is not text in UTF-8`);
  }
}

/** null without a path. */
export async function readPublicKey(
  io: Pick<AuditIo, "readFile">,
  path: string | undefined,
): Promise<Uint8Array | null> {
  return path === undefined ? null : parsePublicKey(await readText(io, path));
}

function parsePublicKey(text: string): Uint8Array {
  try {
    if (!text.includes("-----BEGIN")) {
      const raw = decodeBase64(text.trim());
      if (raw.length === 32) return raw;
    } else {
      const { crv, x } = createPublicKey(text).export({ format: "jwk" });
      if (crv === "Ed25519") return Uint8Array.fromBase64(x!, { alphabet: "base64url" });
    }
  } catch { /* said below */ }
  throw new InvalidInputError(
    "malformed_request",
    "The public key is no Ed25519 key: expected PEM, or its 32 bytes in base64",
  );
}

/** null when nobody can know without reading it. */
async function sizeOf(source: AuditSource, files: Files): Promise<number | null> {
  if (!("directory" in source)) return null;
  let bytes = 0;
  for (const name of await files.list(source.directory)) {
    if (!name.endsWith(".jsonl")) continue;
    bytes += (await files.stat(joinPath(source.directory, name)))?.size ?? 0;
  }
  return bytes;
}
