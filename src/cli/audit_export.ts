/** `audit export`: all records of a period, with one proof that they are the log's, and none is left out. */
import { checkpointOrigin, readCheckpoint } from "../core/audit/checkpoint.ts";
import { concatBytes, splitLines } from "../core/audit/lines.ts";
import { EXPORT_FORMAT, ExportCheck, type ExportProof } from "../core/audit/proof_document.ts";
import { encodeHashes } from "../core/audit/proof_hashes.ts";
import type { MerkleTree } from "../core/audit/merkle.ts";
import { MAX_LINE_BYTES } from "../core/audit/record.ts";
import { SubtreeStack } from "../core/audit/subtrees.ts";
import { encodeBase64, encodeUtf8 } from "../core/encoding.ts";
import { joinPath } from "../adapters/audit_recovery.ts";
import { RefusedError } from "../errors.ts";
import { leafOf, tooOld } from "./audit_prove.ts";
import {
  type AuditIo,
  type AuditSource,
  baseTree,
  chooseCheckpoint,
  followSource,
  KnownAnchors,
  readLogFile,
  readPublicKey,
} from "./audit_source.ts";
import { type ExitCode, UsageError } from "./io.ts";
import { type Format, printResult } from "./output.ts";

export const EXPORT_FILES = {
  records: "records.jsonl",
  proof: "proof.json",
  checkpoint: "checkpoint",
  publicKey: "public-key.pem",
  readme: "README.md",
} as const;

const WRITE_BYTES = 1 << 20;
/** SubjectPublicKeyInfo of an Ed25519 key, up to its 32 bytes (RFC 8410). */
const SPKI_PREFIX = Uint8Array.fromHex("302a300506032b6570032100");

export interface AuditExportOptions {
  readonly source: AuditSource;
  /** Epoch ms; from then on. */
  readonly since?: number | undefined;
  /** Epoch ms; before then. */
  readonly until?: number | undefined;
  readonly checkpoint?: string | undefined;
  readonly publicKey?: string | undefined;
  /** A folder that is not there yet, or empty. */
  readonly folder: string;
  readonly output: Format;
}

/** The stretch from the first record of the period to the last: between them nothing is left out. */
interface Stretch {
  readonly first: number;
  readonly last: number;
  readonly before: MerkleTree;
  readonly after: SubtreeStack;
  /** Of the log, in their order. */
  readonly files: readonly string[];
}

export async function runAuditExport(options: AuditExportOptions, io: AuditIo): Promise<ExitCode> {
  const { source, folder, output } = options;
  if ((await io.files.list(folder)).length > 0) throw new UsageError(`${folder} is not empty`);
  const key = await readPublicKey(io, options.publicKey);
  const anchors = new KnownAnchors();
  const chosen = await chooseCheckpoint(source, io, options.checkpoint);
  if (chosen) anchors.add(chosen);
  const find = new StretchFinder(options, chosen ? readCheckpoint(chosen.note).size : Infinity);
  find.tree = await baseTree(source, io.files);
  const { state } = await followSource(source, io, key, anchors, (record, { head }, file) => {
    find.visit(record, file);
    find.tree = head.tree;
  });
  const { note } = chosen ?? anchors.newest!;
  const stretch = find.found(readCheckpoint(note).size);
  const proof: ExportProof = {
    format: EXPORT_FORMAT,
    publicKey: encodeBase64(state.publicKey!),
    sinceMs: options.since ?? null,
    untilMs: options.until ?? null,
    firstSequence: stretch.first,
    records: stretch.last - stretch.first + 1,
    before: encodeHashes(stretch.before.peaks),
    after: encodeHashes(stretch.after.subtrees.map(({ hash }) => hash)),
    checkpoint: note,
  };
  await io.files.ensureDirectory(folder);
  await copyRecords(options, io, stretch, new ExportCheck(proof, state.publicKey!));
  const write = (name: string, text: string) =>
    io.files.replaceDurably(joinPath(folder, name), encodeUtf8(text));
  await write(EXPORT_FILES.checkpoint, note);
  await write(EXPORT_FILES.publicKey, pemOf(state.publicKey!));
  await write(EXPORT_FILES.readme, readme(proof, state.publicKey!));
  // Last: where it is, everything else is.
  await write(EXPORT_FILES.proof, JSON.stringify(proof, null, 2) + "\n");
  const { firstSequence, records } = proof;
  printResult(io, output, { folder, firstSequence, records }, () => [
    `${records} records (${firstSequence} to ${stretch.last}) with their proof in ${folder}`,
    `verify with: neuralops-connector audit verify-proof ${folder} --public-key FILE`,
  ]);
  return 0;
}

class StretchFinder {
  /** Of all records before the one that comes next. */
  tree: MerkleTree | null = null;
  #first: number | null = null;
  #last = 0;
  #before: MerkleTree | null = null;
  #after: SubtreeStack | null = null;
  readonly #files: string[] = [];
  #filesThen = 0;

  constructor(
    private readonly period: {
      readonly since?: number | undefined;
      readonly until?: number | undefined;
    },
    private readonly size: number,
  ) {}

  visit(record: { seq: number; timeMs: number; hash: string }, file: string): void {
    const { since = -Infinity, until = Infinity } = this.period;
    const isWanted = record.timeMs >= since && record.timeMs < until;
    if (isWanted && record.seq > this.size) throw tooOld(record.seq, this.size);
    if (isWanted && this.#first === null) {
      this.#first = record.seq;
      this.#before = this.tree;
    }
    if (this.#first !== null && this.#files.at(-1) !== file) this.#files.push(file);
    if (isWanted) {
      this.#last = record.seq;
      this.#filesThen = this.#files.length;
      // Whatever came since the last wanted one lies within: the clock was set back.
      this.#after = new SubtreeStack(record.seq);
    } else if (record.seq <= this.size) this.#after?.addLeaf(leafOf(record));
  }

  found(size: number): Stretch {
    if (this.#first === null) {
      throw new RefusedError("not_found", "There is no record of that period here", {
        hint:
          "audit show --since prints which there are; older days may be in the archive (--from)",
      });
    }
    if (this.#last > size) throw tooOld(this.#last, size);
    return {
      first: this.#first,
      last: this.#last,
      before: this.#before!,
      after: this.#after!,
      files: this.#files.slice(0, this.#filesThen),
    };
  }
}

async function copyRecords(
  { source, folder }: AuditExportOptions,
  io: AuditIo,
  stretch: Stretch,
  check: ExportCheck,
): Promise<void> {
  const out = await io.files.openAppend(joinPath(folder, EXPORT_FILES.records));
  const lineFeed = new Uint8Array([10]);
  let [batch, bytes] = [[] as Uint8Array[], 0];
  const flush = async () => {
    await out.append(concatBytes(batch));
    [batch, bytes] = [[], 0];
  };
  try {
    let isBegun = false;
    let next = stretch.first;
    for (const file of stretch.files) {
      const chunks = readLogFile(source, io.files, file);
      for await (const { bytes: line } of splitLines(chunks, MAX_LINE_BYTES)) {
        isBegun ||= sequenceOf(line) === stretch.first;
        if (!isBegun || next > stretch.last) continue;
        check.add(line);
        next += 1;
        batch.push(line.slice(), lineFeed);
        if ((bytes += line.length + 1) >= WRITE_BYTES) await flush();
      }
    }
    await flush();
  } finally {
    out.close();
  }
  check.finish();
}

function sequenceOf(line: Uint8Array): number {
  return JSON.parse(new TextDecoder().decode(line)).seq;
}

function pemOf(key: Uint8Array): string {
  const der = encodeBase64(concatBytes([SPKI_PREFIX, key]));
  return `-----BEGIN PUBLIC KEY-----\n${der}\n-----END PUBLIC KEY-----\n`;
}

function readme(proof: ExportProof, key: Uint8Array): string {
  const { firstSequence, records, sinceMs, untilMs } = proof;
  const iso = (timeMs: number | null) => timeMs === null ? null : new Date(timeMs).toISOString();
  return `# Audit records ${firstSequence} to ${firstSequence + records - 1}

All records from ${iso(sinceMs) ?? "the beginning"} until ${
    iso(untilMs) ?? "the end"
  } of the log \`${checkpointOrigin(key)}\`,
byte for byte, with the proof that they are the log's and that none between them is left out.

- \`${EXPORT_FILES.records}\`: one record a line
- \`${EXPORT_FILES.proof}\`: the proof; it holds the checkpoint as well
- \`${EXPORT_FILES.checkpoint}\`: the signed head of the log
- \`${EXPORT_FILES.publicKey}\`: the key that signed it. It came with the records: compare it with the
  one that you were given when the connector was registered.

To verify, with either of two programs that share no code:

    neuralops-connector audit verify-proof . --public-key ${EXPORT_FILES.publicKey}
    python3 verify_audit_log.py . --public-key ${EXPORT_FILES.publicKey}

What the two do is written in the connector's \`docs/audit-log.md\`.
`;
}
