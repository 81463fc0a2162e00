/**
 * One audit record as one line: canonical JSON (RFC 8785) and a line feed. `hash` is the RFC 6962
 * leaf hash of the same JSON without `hash`, so the chain and the Merkle tree share their hashes.
 * The format is public: docs/audit-log.md.
 */
import canonicalize from "canonicalize";
import * as z from "zod";
import { InvalidInputError } from "../../errors.ts";
import type { AuditEntry } from "../audit.ts";
import { decodeUtf8, encodeHex, encodeUtf8 } from "../encoding.ts";
import { hashLeaf } from "./merkle.ts";

/** With its line feed. Also the longest torn tail that one record can leave. */
export const MAX_LINE_BYTES = 65_536;

/** RFC 8785 has no form for lone surrogates; they become U+FFFD. */
const text = z.string().overwrite((value) => value.toWellFormed());
const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in lower-case hex");

const entryShape = {
  type: text.min(1).max(100),
  actor: text.max(300),
  subject: text.max(2000),
  data: z.record(text, z.union([text, z.number(), z.boolean(), z.null(), z.array(text)])),
};
const Entry = z.strictObject(entryShape);
const AuditRecordSchema = z.strictObject({
  ...entryShape,
  seq: z.int().min(1),
  timeMs: z.int().min(0),
  prev: sha256Hex,
  hash: sha256Hex,
});

export type AuditRecord = z.infer<typeof AuditRecordSchema>;

export interface EncodedRecord {
  /** Ends with a line feed. */
  readonly line: Uint8Array<ArrayBuffer>;
  readonly leafHash: Uint8Array<ArrayBuffer>;
}

/** An entry that may be written, with what does not depend on its place written out already. */
export interface PreparedEntry {
  readonly type: string;
  /** The record up to its `hash`. */
  readonly start: string;
  readonly subject: string;
  readonly quotedType: string;
  /** No line of it is longer. */
  readonly maxBytes: number;
}

interface Place {
  readonly seq: number;
  readonly timeMs: number;
  readonly prev: string;
}

/** `"hash":"…","prev":"…","seq":…,"subject":` … `,"timeMs":…,"type":` … `}` and a line feed, at their longest. */
const MAX_PLACE_BYTES = 240;

/** Throws InvalidInputError `malformed_request` or `too_large` for an entry that no record can hold. */
export function checkEntry(entry: AuditEntry): AuditEntry {
  prepareEntry(entry);
  return parseEntry(entry);
}

/** Throws as `checkEntry` does. */
export function prepareEntry(entry: AuditEntry): PreparedEntry {
  const prepared = writeOut(isAsItShouldBe(entry) ? entry : parseEntry(entry));
  const { maxBytes } = prepared;
  if (maxBytes > MAX_LINE_BYTES) {
    throw new InvalidInputError(
      "too_large",
      `An audit entry of type ${entry.type} takes ${maxBytes} bytes; at most ${MAX_LINE_BYTES} are allowed`,
      { hint: "record a hash of large data instead of the data" },
    );
  }
  return prepared;
}

function parseEntry(entry: AuditEntry): AuditEntry {
  const parsed = Entry.safeParse(entry);
  if (parsed.success) return parsed.data;
  throw new InvalidInputError(
    "malformed_request",
    `An audit entry of type ${entry.type} is malformed: ${z.prettifyError(parsed.error)}`,
  );
}

/** What the schema would give back as it is. It costs a tenth of the schema, for each record there is. */
function isAsItShouldBe(entry: AuditEntry): boolean {
  const { type, actor, subject, data } = entry;
  if (Object.keys(entry).length !== 4 || typeof data !== "object" || data === null) return false;
  if (!isText(type, 100) || type === "" || !isText(actor, 300) || !isText(subject, 2000)) {
    return false;
  }
  if (Object.getPrototypeOf(data) !== Object.prototype) return false;
  return Object.keys(data).every((name) =>
    name.isWellFormed() && name !== "__proto__" && isValue(data[name])
  );
}

function isValue(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((item) => isText(item, Infinity));
  return value === null || typeof value === "boolean" || Number.isFinite(value) ||
    isText(value, Infinity);
}

function isText(value: unknown, max: number): boolean {
  return typeof value === "string" && value.length <= max && value.isWellFormed();
}

function writeOut({ type, actor, subject, data }: AuditEntry): PreparedEntry {
  const start = `{"actor":${JSON.stringify(actor)},"data":${writeData(data)},`;
  const quoted = JSON.stringify(subject);
  const quotedType = JSON.stringify(type);
  // UTF-8 takes at most three bytes for a UTF-16 unit; only what may be too long is counted exactly.
  const units = start.length + quoted.length + quotedType.length;
  const bytes = units * 3 + MAX_PLACE_BYTES > MAX_LINE_BYTES
    ? encodeUtf8(start + quoted + quotedType).length
    : units * 3;
  return { type, start, subject: quoted, quotedType, maxBytes: bytes + MAX_PLACE_BYTES };
}

/** RFC 8785 for what is flat: members by UTF-16 units, everything else as ECMAScript writes it. */
function writeData(data: AuditEntry["data"]): string {
  const members = Object.keys(data).sort()
    .map((name) => `${JSON.stringify(name)}:${JSON.stringify(data[name])}`);
  return `{${members.join(",")}}`;
}

export function encodeRecord(entry: AuditEntry | PreparedEntry, place: Place): EncodedRecord {
  const { start, subject, quotedType } = "start" in entry ? entry : writeOut(entry);
  const { seq, timeMs, prev } = place;
  const end =
    `"prev":"${prev}","seq":${seq},"subject":${subject},"timeMs":${timeMs},"type":${quotedType}}`;
  const leafHash = hashLeaf(start + end);
  const line = encodeUtf8(`${start}"hash":"${encodeHex(leafHash)}",${end}\n`);
  return { line, leafHash };
}

/**
 * @param line without its line feed
 * @throws Error that says in one sentence what is wrong with the line
 */
export function decodeRecord(line: Uint8Array): { record: AuditRecord; leafHash: Uint8Array } {
  const record = parseRecord(line);
  const { leafHash } = encodeRecord(record, record);
  const expected = encodeHex(leafHash);
  if (record.hash !== expected) {
    throw new Error(
      `the content does not match its hash: recorded ${record.hash}, computed ${expected}`,
    );
  }
  return { record, leafHash };
}

function parseRecord(line: Uint8Array): AuditRecord {
  let lineText: string;
  let json: unknown;
  try {
    lineText = decodeUtf8(line);
    json = JSON.parse(lineText);
  } catch {
    throw new Error("the line is not JSON in UTF-8");
  }
  const parsed = AuditRecordSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`the line is no audit record: ${issue!.path.join(".")} ${issue!.message}`);
  }
  if (canonicalize(parsed.data) !== lineText) {
    throw new Error("the line is not in canonical form (RFC 8785)");
  }
  return parsed.data;
}
