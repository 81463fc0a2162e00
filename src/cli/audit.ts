/** `audit verify`: judges a log, from its folder or from the archive, with nothing but the log itself. */
import { Anchors } from "../core/audit/anchors.ts";
import { chainIdOf } from "../core/audit/chain.ts";
import { treeRoot } from "../core/audit/merkle.ts";
import { trimSlashes } from "../core/audit/segment.ts";
import { AuditDamageError, type LogState, type VisitRecord } from "../core/audit/verify.ts";
import { encodeHex } from "../core/encoding.ts";
import { ConnectorError, describeError } from "../errors.ts";
import {
  type AuditIo,
  type AuditSource,
  followSource,
  readPublicKey,
  readText,
} from "./audit_source.ts";
import type { ExitCode } from "./io.ts";
import { type Format, printResult } from "./output.ts";

export interface AuditVerifyOptions {
  readonly source: AuditSource;
  /** Paths of checkpoints that were kept elsewhere. */
  readonly checkpoints: readonly string[];
  /** Path of the key that must have signed: PEM, or the 32 bytes in base64. */
  readonly publicKey?: string | undefined;
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

async function judge(options: AuditVerifyOptions, io: AuditIo): Promise<Verdict> {
  const key = await readPublicKey(io, options.publicKey);
  const anchors = new Anchors();
  for (const label of options.checkpoints) anchors.add({ label, note: await readText(io, label) });
  let firstDay: string | null = null;
  const visit: VisitRecord = (_record, { day }) => void (firstDay ??= day);
  const { state, removedRecords } = await followSource(options.source, io, key, anchors, visit);
  return { state, firstDay: firstDay ?? state.day!, removedRecords, checkpoints: anchors.matched };
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
