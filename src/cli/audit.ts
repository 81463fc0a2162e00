/**
 * `audit verify` and `audit show`: judge a log, from its folder or from the archive, with nothing but
 * the log itself, and print it. Neither changes anything nor needs a running connector.
 */
import { createPublicKey } from "node:crypto";
import { followDirectory, requireWhole } from "../adapters/audit_recovery.ts";
import { Anchors } from "../core/audit/anchors.ts";
import { followArchive } from "../core/audit/archive.ts";
import { chainIdOf } from "../core/audit/chain.ts";
import { treeRoot } from "../core/audit/merkle.ts";
import type { AuditRecord } from "../core/audit/record.ts";
import { trimSlashes } from "../core/audit/segment.ts";
import type { Archive } from "../core/audit/shipping.ts";
import { AuditDamageError, type LogState, type VisitRecord } from "../core/audit/verify.ts";
import { decodeBase64, decodeUtf8, encodeHex } from "../core/encoding.ts";
import { ConnectorError, describeError, InvalidInputError, RefusedError } from "../errors.ts";
import type { Files } from "../runtime.ts";
import { followFolder } from "./audit_follow.ts";
import type { CliIo, ExitCode } from "./io.ts";
import { type Format, printResult } from "./output.ts";

export type AuditIo = Pick<CliIo, "print" | "printError" | "readFile"> & { readonly files: Files };

export type AuditSource =
  | { readonly directory: string }
  | {
    readonly archive: Archive;
    readonly prefix: string;
    /** null unless the prefix holds several logs. */
    readonly chainId: string | null;
  };

export interface AuditVerifyOptions {
  readonly source: AuditSource;
  /** Paths of checkpoints that were kept elsewhere. */
  readonly checkpoints: readonly string[];
  /** Path of the key that must have signed: PEM, or the 32 bytes in base64. */
  readonly publicKey?: string | undefined;
  readonly output: Format;
}

export interface AuditShowOptions {
  readonly directory: string;
  /** Only records of this type. */
  readonly type?: string | undefined;
  /** The newest so many. */
  readonly limit: number;
  readonly output: Format;
}

interface Verdict {
  readonly state: LogState;
  readonly firstDay: string;
  readonly removedRecords: number;
  readonly checkpoints: number;
}

/** `s3://bucket/prefix` → its parts; null when it is something else. */
export function parseArchiveUrl(text: string): { bucket: string; prefix: string } | null {
  const [, bucket, path = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(\/.*)?$/.exec(text) ??
    [];
  return bucket === undefined ? null : { bucket, prefix: trimSlashes(path) };
}

export async function runAuditVerify(
  options: AuditVerifyOptions,
  io: AuditIo,
): Promise<ExitCode> {
  const { output } = options;
  try {
    const verdict = await judge(options, io);
    printResult(io, output, describeVerdict(verdict, options), () => verdictText(verdict, options));
    return 0;
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    const place = error instanceof AuditDamageError ? error.place : {};
    const { code, message } = error;
    if (output === "text") io.printError(`audit log NOT ok: ${describeError(error)}`);
    else printResult(io, output, { ok: false, code, message, ...place }, () => []);
    return 1;
  }
}

export async function runAuditShow(options: AuditShowOptions, io: AuditIo): Promise<ExitCode> {
  const { directory, type, limit, output } = options;
  const records: AuditRecord[] = [];
  await followDirectory(io.files, directory, null, (record) => {
    if (type !== undefined && record.type !== type) return;
    records.push(record);
    if (records.length > limit) records.shift();
  });
  printResult(io, output, { records }, () => records.map(formatRecord));
  return 0;
}

async function judge(options: AuditVerifyOptions, io: AuditIo): Promise<Verdict> {
  const { source, checkpoints, publicKey: keyPath } = options;
  const publicKey = keyPath === undefined ? null : parsePublicKey(await readText(io, keyPath));
  const anchors = new Anchors();
  for (const label of checkpoints) anchors.add({ label, note: await readText(io, label) });
  let firstDay: string | null = null;
  const see: VisitRecord = (_record, state) => {
    firstDay ??= state.day;
    anchors.compare(state);
  };
  const next = (after: number) => firstDay === null ? after + 1 : anchors.next(after);
  const visit = Object.assign(see, { next });
  let removedRecords = 0;
  let state: LogState;
  if ("directory" in source) {
    const found = await followFolder(io.files, source.directory, publicKey, visit);
    const last = found.segments.at(-1);
    if (last) requireWhole(last);
    if (found.base.publicKey !== null) anchors.compare(found.base);
    removedRecords = found.base.head.sequence;
    state = found.state;
  } else state = await followArchive(source.archive, { ...source, publicKey }, anchors, visit);
  if (state.head.sequence === 0) {
    throw new RefusedError("not_found", `There is no audit log in ${nameOf(source)}`);
  }
  anchors.finish(nameOf(source), state);
  return { state, firstDay: firstDay ?? state.day!, removedRecords, checkpoints: anchors.matched };
}

function nameOf(source: AuditSource): string {
  return "directory" in source ? source.directory : `${source.prefix}/`;
}

async function readText(io: AuditIo, path: string): Promise<string> {
  const bytes = await io.readFile(path);
  if (bytes === null) throw new RefusedError("not_found", `There is no file ${path}`);
  try {
    return decodeUtf8(bytes);
  } catch {
    throw new InvalidInputError("malformed_request", `${path} is not text in UTF-8`);
  }
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

function describeVerdict(verdict: Verdict, options: AuditVerifyOptions) {
  const { state, firstDay, removedRecords, checkpoints } = verdict;
  return {
    ok: true,
    chain: chainIdOf(state.publicKey!),
    records: state.head.sequence,
    removedRecords,
    firstDay,
    lastDay: state.day,
    root: encodeHex(treeRoot(state.head.tree)),
    checkpoints,
    keyGiven: options.publicKey !== undefined,
  };
}

function verdictText(verdict: Verdict, options: AuditVerifyOptions): string[] {
  const { chain, records, removedRecords, firstDay, lastDay, root, checkpoints, keyGiven } =
    describeVerdict(verdict, options);
  const count = (value: number) => value.toLocaleString("en-US");
  const days = firstDay === lastDay ? firstDay : `${firstDay}..${lastDay}`;
  return [
    `audit log ok: ${count(records)} records, ${days}, root ${root}`,
    `chain ${chain}`,
    ...(removedRecords > 0
      ? [`the first ${count(removedRecords)} records were shipped and are not kept here`]
      : []),
    checkpoints > 0
      ? `${count(checkpoints)} checkpoints agree`
      : "no checkpoint was given: a cut tail cannot be noticed without one (--checkpoint)",
    ...(keyGiven
      ? []
      : ["the key is the log's own word: pass --public-key to be sure whose it is"]),
  ];
}

/** Texts in a record may come from strangers: no control character reaches the terminal. */
function formatRecord({ seq, timeMs, type, actor, subject, data }: AuditRecord): string {
  const time = new Date(timeMs).toISOString();
  const line = `${seq}  ${time}  ${type}  ${actor}  ${subject}  ${JSON.stringify(data)}`;
  return line.replaceAll(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1))
    .replaceAll(/\p{Cc}/gu, "\uFFFD");
}
