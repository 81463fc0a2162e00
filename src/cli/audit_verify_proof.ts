/** `audit verify-proof`: judges a proof or an export with nothing but a public key; offline. */
import { chainIdOf } from "../core/audit/chain.ts";
import { splitLines } from "../core/audit/lines.ts";
import {
  ExportCheck,
  namedKey,
  parseExport,
  parseProof,
  verifyProof,
} from "../core/audit/proof_document.ts";
import { MAX_LINE_BYTES } from "../core/audit/record.ts";
import { joinPath, readChunks } from "../adapters/audit_recovery.ts";
import { ConnectorError, describeError, RefusedError } from "../errors.ts";
import { EXPORT_FILES } from "./audit_export.ts";
import { formatRecord } from "./audit_filter.ts";
import { type AuditIo, readPublicKey, readText } from "./audit_source.ts";
import type { ExitCode } from "./io.ts";
import { type Format, printResult } from "./output.ts";
import { Progress } from "./progress.ts";

export interface VerifyProofOptions {
  /** A proof, or the folder of an export. */
  readonly path: string;
  readonly publicKey?: string | undefined;
  readonly output: Format;
}

interface Verdict {
  readonly result: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}

/** 0 when it holds, 1 when it does not. */
export async function runVerifyProof(options: VerifyProofOptions, io: AuditIo): Promise<ExitCode> {
  const { path, output } = options;
  try {
    const key = await readPublicKey(io, options.publicKey);
    const info = await io.files.stat(path).catch(() => null);
    const isFolder = info !== null && !info.isFile;
    const { result, lines } = isFolder
      ? await judgeExport(path, key, io)
      : judgeProof(await readText(io, path), key);
    printResult(io, output, { ok: true, ...result, keyGiven: key !== null }, () => [
      ...lines,
      ...(key === null
        ? ["the key is the proof's own word: pass --public-key to be sure whose it is"]
        : []),
    ]);
    return 0;
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    const { code, message } = error;
    if (output === "text") io.printError(`proof NOT ok: ${describeError(error)}`);
    else printResult(io, output, { ok: false, code, message }, () => []);
    return 1;
  }
}

function judgeProof(text: string, given: Uint8Array | null): Verdict {
  const document = parseProof(text);
  const key = given ?? namedKey(document);
  const chain = chainIdOf(key);
  const verdict = verifyProof(document, key);
  if (verdict.kind === "inclusion") {
    const { record, checkpoint: { size } } = verdict;
    return {
      result: { kind: "inclusion", chain, size, record },
      lines: [
        `proof ok: record ${record.seq} is in the log of ${size} records of chain ${chain}`,
        formatRecord(record),
      ],
    };
  }
  const [from, to] = [verdict.from.size, verdict.to.size];
  return {
    result: { kind: "consistency", chain, from, to },
    lines: [
      `proof ok: chain ${chain} grew from ${from} to ${to} records, and nothing before changed`,
    ],
  };
}

async function judgeExport(
  folder: string,
  given: Uint8Array | null,
  io: AuditIo,
): Promise<Verdict> {
  const proof = parseExport(await readText(io, joinPath(folder, EXPORT_FILES.proof)));
  const key = given ?? namedKey(proof);
  const check = new ExportCheck(proof, key);
  const path = joinPath(folder, EXPORT_FILES.records);
  const size = async () => (await io.files.stat(path))?.size ?? null;
  if (await size() === null) throw new RefusedError("not_found", `There is no file ${path}`);
  const progress = await Progress.start(io.progress, "export", size);
  try {
    const chunks = readChunks(progress.counting(io.files), path);
    for await (const { bytes, complete } of splitLines(chunks, MAX_LINE_BYTES)) {
      if (!complete) {
        throw new RefusedError("audit_broken", `${path} does not end with a line feed`);
      }
      check.add(bytes);
    }
  } finally {
    progress.end();
  }
  const checkpoint = check.finish();
  const { firstSequence, records } = proof;
  const [chain, lastSequence] = [chainIdOf(key), firstSequence + records - 1];
  return {
    result: {
      kind: "export",
      chain,
      size: checkpoint.size,
      firstSequence,
      lastSequence,
    },
    lines: [
      `export ok: records ${firstSequence} to ${lastSequence} of the ${checkpoint.size} of chain ${chain}, none left out`,
    ],
  };
}
