/** `audit verify`: judges a log, from its folder or from the archive, with nothing but the log itself. */
import { type Anchor, Anchors } from "../core/audit/anchors.ts";
import { chainIdOf } from "../core/audit/chain.ts";
import { treeRoot } from "../core/audit/merkle.ts";
import { trimSlashes } from "../core/audit/segment.ts";
import { AuditDamageError, type LogState, type VisitRecord } from "../core/audit/verify.ts";
import { encodeHex } from "../core/encoding.ts";
import { ConnectorError, describeError } from "../errors.ts";
import {
  chainOfCheckpoint,
  chainsIn,
  ChainWitness,
  endedWithoutReason,
  type JudgedChain,
  requireNamed,
} from "./audit_chains.ts";
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

interface Verdict extends JudgedChain {
  readonly state: LogState;
  /** Chains that its register names. */
  readonly named: ReadonlySet<string>;
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
    const verdicts = await judgeAll(options, io);
    const described = verdicts.map((verdict) => describeVerdict(verdict, options));
    const ended = endedWithoutReason(verdicts);
    const value = described.length === 1
      ? described[0]
      : { ok: true, chains: described, endedWithoutReason: ended };
    printResult(io, output, value, () => [
      ...verdicts.flatMap((verdict) => verdictText(verdict, options)),
      ...ended.map((chain) =>
        `WARNING: chain ${chain} does not say that it stopped; what it did after its last sealed day is not here`
      ),
    ]);
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

/** Every chain that is meant, each with the checkpoints that are of it. */
async function judgeAll(options: AuditVerifyOptions, io: AuditIo): Promise<Verdict[]> {
  const { source } = options;
  const key = await readPublicKey(io, options.publicKey);
  const notes: Anchor[] = [];
  for (const label of options.checkpoints) notes.push({ label, note: await readText(io, label) });
  if ("directory" in source || source.chainId !== null) {
    return [await judge(source, key, notes, io)];
  }
  const found = await chainsIn(source);
  // A key that is given says which chain is meant.
  const meant = key === null || found.length < 2 ? found : [chainIdOf(key)];
  if (meant.length < 2) {
    const verdict = await judge({ ...source, chainId: meant[0] ?? null }, key, notes, io);
    requireNamed(registered([verdict]), found);
    return [verdict];
  }
  const named = new Map<string, string>();
  for (const { label, note } of notes) {
    const chain = chainOfCheckpoint(note);
    if (chain !== null) named.set(chain, label);
  }
  requireNamed(named, found);
  const verdicts: Verdict[] = [];
  for (const chainId of meant) {
    const own = notes.filter(({ note }) => chainOfCheckpoint(note) === chainId);
    verdicts.push(await judge({ ...source, chainId }, null, own, io));
  }
  requireNamed(registered(verdicts), found);
  return verdicts;
}

/** Each chain that a register names, and whose register that is. */
function registered(verdicts: readonly Verdict[]): Map<string, string> {
  return new Map(
    verdicts.flatMap(({ chain, named }) =>
      [...named].map((one) => [one, `the register in chain ${chain}`] as const)
    ),
  );
}

async function judge(
  source: AuditSource,
  key: Uint8Array | null,
  notes: readonly Anchor[],
  io: AuditIo,
): Promise<Verdict> {
  const anchors = new Anchors();
  for (const note of notes) anchors.add(note);
  const witness = new ChainWitness();
  let firstDay: string | null = null;
  const see: VisitRecord = (record, { day }) => {
    firstDay ??= day;
    witness.visit(record);
  };
  // Of a folder nobody asks how the chain ended: beside the first record and those of the log itself
  // no record need be seen, and threads can help.
  const next = (after: number) => firstDay === null ? after + 1 : Infinity;
  const visit: VisitRecord = "directory" in source ? Object.assign(see, { next }) : see;
  const { state, removedRecords } = await followSource(source, io, key, anchors, visit);
  return {
    state,
    chain: chainIdOf(state.publicKey!),
    firstDay: firstDay ?? state.day!,
    lastDay: state.day!,
    removedRecords,
    checkpoints: anchors.matched,
    named: witness.named,
    hasStopped: witness.hasStopped,
  };
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
