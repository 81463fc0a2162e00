/** `audit prove` and `audit consistency`: proofs as documents, made of a log that is checked on the way. */
import { readCheckpoint } from "../core/audit/checkpoint.ts";
import type { MerkleTree } from "../core/audit/merkle.ts";
import { proveGrowth, proveInclusion } from "../core/audit/proof.ts";
import { PROOF_FORMAT, type ProofDocument, verifyProof } from "../core/audit/proof_document.ts";
import { encodeHashes } from "../core/audit/proof_hashes.ts";
import { encodeRecord } from "../core/audit/record.ts";
import { SubtreeStack } from "../core/audit/subtrees.ts";
import { decodeUtf8, encodeBase64 } from "../core/encoding.ts";
import { InvalidInputError, RefusedError } from "../errors.ts";
import {
  type AuditIo,
  type AuditSource,
  baseTree,
  chooseCheckpoint,
  followSource,
  KnownAnchors,
  readPublicKey,
  readText,
} from "./audit_source.ts";
import type { ExitCode } from "./io.ts";

export interface AuditProveOptions {
  readonly source: AuditSource;
  readonly sequence: number;
  /** Path; without it the newest that is known. */
  readonly checkpoint?: string | undefined;
  readonly publicKey?: string | undefined;
}

export async function runAuditProve(options: AuditProveOptions, io: AuditIo): Promise<ExitCode> {
  const { source, sequence } = options;
  const key = await readPublicKey(io, options.publicKey);
  const anchors = new KnownAnchors();
  const chosen = await chooseCheckpoint(source, io, options.checkpoint);
  if (chosen) anchors.add(chosen);
  const size = chosen ? readCheckpoint(chosen.note).size : Infinity;
  let before: MerkleTree | null = null;
  let previous = await baseTree(source, io.files);
  let line = "";
  const since = new SubtreeStack(sequence);
  const { state, removedRecords } = await followSource(
    source,
    io,
    key,
    anchors,
    (record, { head }) => {
      if (record.seq === sequence) {
        before = previous;
        line = decodeUtf8(encodeRecord(record, record).line.subarray(0, -1));
      } else if (record.seq > sequence && record.seq <= size) since.addLeaf(leafOf(record));
      previous = head.tree;
    },
  );
  const { note } = chosen ?? anchors.newest!;
  const found = readCheckpoint(note).size;
  if (sequence > found) throw tooOld(sequence, found);
  if (before === null) throw missing(sequence, removedRecords);
  return print(io, state.publicKey!, {
    format: PROOF_FORMAT,
    kind: "inclusion",
    publicKey: encodeBase64(state.publicKey!),
    record: line,
    index: sequence - 1,
    size: found,
    hashes: encodeHashes(proveInclusion(before, since)),
    checkpoint: note,
  });
}

export interface AuditConsistencyOptions {
  readonly source: AuditSource;
  /** Paths of the two checkpoints. */
  readonly older: string;
  readonly newer: string;
  readonly publicKey?: string | undefined;
}

export async function runAuditConsistency(
  options: AuditConsistencyOptions,
  io: AuditIo,
): Promise<ExitCode> {
  const { source } = options;
  const key = await readPublicKey(io, options.publicKey);
  const anchors = new KnownAnchors();
  const [older, newer] = [await readText(io, options.older), await readText(io, options.newer)];
  anchors.add({ label: options.older, note: older });
  anchors.add({ label: options.newer, note: newer });
  const [from, to] = [readCheckpoint(older), readCheckpoint(newer)];
  if (from.size > to.size) {
    throw new InvalidInputError(
      "malformed_request",
      `${options.older} covers ${from.size} records, more than the ${to.size} of ${options.newer}`,
      { hint: "name the older checkpoint first" },
    );
  }
  let tree = await baseTree(source, io.files);
  const since = new SubtreeStack(from.size);
  const { state } = await followSource(source, io, key, anchors, (record, { head }) => {
    if (record.seq <= from.size) tree = head.tree;
    else if (record.seq <= to.size) since.addLeaf(leafOf(record));
  });
  return print(io, state.publicKey!, {
    format: PROOF_FORMAT,
    kind: "consistency",
    publicKey: encodeBase64(state.publicKey!),
    from: older,
    to: newer,
    hashes: encodeHashes(proveGrowth(tree, since)),
  });
}

export function leafOf({ hash }: { readonly hash: string }): Uint8Array {
  return Uint8Array.fromHex(hash);
}

/** Nothing goes out that does not hold. */
function print(io: AuditIo, key: Uint8Array, document: ProofDocument): ExitCode {
  verifyProof(document, key);
  io.print(JSON.stringify(document, null, 2));
  return 0;
}

export function tooOld(sequence: number, size: number): RefusedError {
  return new RefusedError(
    "not_found",
    `The checkpoint covers ${size} records, and record ${sequence} came later`,
    { hint: "wait for the next heartbeat, or pass a newer one with --checkpoint" },
  );
}

function missing(sequence: number, removed: number): RefusedError {
  return new RefusedError("not_found", `Record ${sequence} is not here`, {
    hint: sequence <= removed
      ? "it was shipped and removed: read the archive (--from)"
      : "audit show prints which records there are",
  });
}
