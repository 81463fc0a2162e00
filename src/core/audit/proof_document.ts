/**
 * Proofs as documents that need neither the log nor its writer to be checked. Format: docs/audit-log.md.
 */
import * as z from "zod";
import { InvalidInputError, RefusedError } from "../../errors.ts";
import { decodeBase64, encodeUtf8 } from "../encoding.ts";
import { chainIdOf } from "./chain.ts";
import { type Checkpoint, checkpointOrigin } from "./checkpoint.ts";
import { verifyCheckpoint } from "./checkpoint_proof.ts";
import { equal, verifyConsistency, verifyInclusion } from "./proof.ts";
import { decodeHashes } from "./proof_hashes.ts";
import { RangeCheck } from "./range_proof.ts";
import { type AuditRecord, decodeRecord, MAX_LINE_BYTES } from "./record.ts";

export const PROOF_FORMAT = "neuralops.io/audit-proof/v1";
export const EXPORT_FORMAT = "neuralops.io/audit-export/v1";

/** 32 bytes in the one base64 form that they have. */
const bytes32 = z.string().regex(
  /^[A-Za-z0-9+\/]{42}[AEIMQUYcgkosw048]=$/,
  "must be 32 bytes in base64",
);
const note = z.string().max(16_384);
/** No tree of 2^53 leaves has more peaks, and no path in it is longer. */
const hashes = z.array(bytes32).max(106);
const size = z.int().min(0);
const publicKey = bytes32.describe("for information: it proves nothing");

const InclusionProof = z.strictObject({
  format: z.literal(PROOF_FORMAT),
  kind: z.literal("inclusion"),
  publicKey,
  record: z.string().max(MAX_LINE_BYTES).describe("its line, without the line feed"),
  index: size.describe("of the leaf, from 0: the record's seq less 1"),
  size,
  hashes,
  checkpoint: note,
});

const ConsistencyProof = z.strictObject({
  format: z.literal(PROOF_FORMAT),
  kind: z.literal("consistency"),
  publicKey,
  from: note,
  to: note,
  hashes,
});

export const ExportProof = z.strictObject({
  format: z.literal(EXPORT_FORMAT),
  publicKey,
  sinceMs: size.nullable().describe(
    "what was asked for: the records themselves say when they are of",
  ),
  untilMs: size.nullable(),
  firstSequence: z.int().min(1),
  records: z.int().min(1),
  before: hashes.describe("peaks of the tree before the first record, largest first"),
  after: hashes.describe("perfect subtrees from the last record to the end, left to right"),
  checkpoint: note,
});
export type ExportProof = z.infer<typeof ExportProof>;

const ProofDocument = z.discriminatedUnion("kind", [InclusionProof, ConsistencyProof]);
export type ProofDocument = z.infer<typeof ProofDocument>;

export type ProofVerdict =
  | { readonly kind: "inclusion"; readonly record: AuditRecord; readonly checkpoint: Checkpoint }
  | { readonly kind: "consistency"; readonly from: Checkpoint; readonly to: Checkpoint };

/** Throws InvalidInputError `malformed_request`. */
export function parseProof(text: string): ProofDocument {
  return parse(ProofDocument, text);
}

/** Throws InvalidInputError `malformed_request`. */
export function parseExport(text: string): ExportProof {
  return parse(ExportProof, text);
}

function parse<T>(schema: z.ZodType<T>, text: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new InvalidInputError("malformed_request", "A proof must be JSON");
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new InvalidInputError(
    "malformed_request",
    `This is no proof: ${issue!.path.join(".") || "it"}: ${issue!.message}`,
    { hint: "expected what audit prove, audit consistency or audit export wrote" },
  );
}

/** The key that the document itself names, for those who were given none. */
export function namedKey(document: { readonly publicKey: string }): Uint8Array {
  return decodeBase64(document.publicKey);
}

/** A checkpoint of this very log. Throws RefusedError `bad_signature`. */
export function checkOwnCheckpoint(text: string, key: Uint8Array): Checkpoint {
  const checkpoint = verifyCheckpoint(text, null, key);
  const expected = checkpointOrigin(key);
  if (checkpoint.origin === expected) return checkpoint;
  throw new RefusedError(
    "bad_signature",
    `The checkpoint is of ${checkpoint.origin}, expected ${expected}`,
  );
}

/**
 * @throws RefusedError `bad_signature` for a checkpoint that this key did not sign, `audit_broken` for a
 *   proof that does not lead to it
 */
export function verifyProof(document: ProofDocument, key: Uint8Array): ProofVerdict {
  const list = decodeHashes(document.hashes);
  if (document.kind === "consistency") {
    const [from, to] = [
      checkOwnCheckpoint(document.from, key),
      checkOwnCheckpoint(document.to, key),
    ];
    if (verifyConsistency(from, to, list)) return { kind: "consistency", from, to };
    throw broken(`the log of ${to.size} records did not grow out of the one of ${from.size}`);
  }
  const checkpoint = checkOwnCheckpoint(document.checkpoint, key);
  const { record, leafHash } = readLine(document.record);
  const { index, size } = document;
  if (record.seq !== index + 1) {
    throw broken(`expected record ${index + 1}, found record ${record.seq}`);
  }
  if (size !== checkpoint.size) {
    throw broken(`expected a checkpoint of ${size} records, found one of ${checkpoint.size}`);
  }
  if (verifyInclusion(leafHash, { index, size }, list, checkpoint.rootHash)) {
    return { kind: "inclusion", record, checkpoint };
  }
  throw broken(`record ${record.seq} is not in the log of the checkpoint`);
}

/** Checks the records of an export one by one, and at the end that they are all, and in their place. */
export class ExportCheck {
  readonly #checkpoint: Checkpoint;
  readonly #range: RangeCheck;
  #next: number;
  #prev: string | null;

  /** Throws as `verifyProof` does. */
  constructor(private readonly proof: ExportProof, key: Uint8Array) {
    this.#checkpoint = checkOwnCheckpoint(proof.checkpoint, key);
    const [before, after] = [decodeHashes(proof.before), decodeHashes(proof.after)];
    this.#range = counted(() => new RangeCheck(proof.firstSequence - 1, { before, after }));
    this.#next = proof.firstSequence;
    this.#prev = this.#next === 1 ? chainIdOf(key) : null;
  }

  /** @param line without its line feed */
  add(line: Uint8Array): AuditRecord {
    const { record, leafHash } = decoded(line, this.#next);
    if (record.seq !== this.#next) {
      throw broken(`expected record ${this.#next}, found record ${record.seq}`);
    }
    if (this.#prev !== null && record.prev !== this.#prev) {
      throw broken(`record ${record.seq}: expected prev ${this.#prev}, found ${record.prev}`);
    }
    this.#range.addLeaf(leafHash);
    this.#prev = record.hash;
    this.#next += 1;
    return record;
  }

  finish(): Checkpoint {
    const { firstSequence, records } = this.proof;
    const found = this.#next - firstSequence;
    if (found !== records) throw broken(`expected ${records} records, found ${found}`);
    const root = counted(() => this.#range.root(this.#checkpoint.size));
    if (equal(root, this.#checkpoint.rootHash)) return this.#checkpoint;
    throw broken("the records are not those of the log that the checkpoint stands for");
  }
}

function readLine(line: string) {
  return decoded(encodeUtf8(line), null);
}

function decoded(line: Uint8Array, sequence: number | null) {
  try {
    return decodeRecord(line);
  } catch (error) {
    const where = sequence === null ? "the record" : `record ${sequence}`;
    throw broken(`${where}: ${(error as Error).message}`);
  }
}

function counted<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw broken(error.message);
    throw error;
  }
}

function broken(problem: string): RefusedError {
  return new RefusedError("audit_broken", `The proof does not hold: ${problem}`, {
    hint: "ask for the proof again; if it stays so, compare with checkpoints kept elsewhere",
  });
}
