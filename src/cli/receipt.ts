/** `executions receipt`, `verify-receipt` and `key`: the connector's signed word, to take elsewhere. */
import { createPublicKey } from "node:crypto";
import type { ConnectorJwk } from "../core/connector_key.ts";
import type { ReceiptPayload } from "../core/protocol.ts";
import { readReceiptKey, verifyReceipt } from "../core/receipt_check.ts";
import { encodeUtf8 } from "../core/encoding.ts";
import { ConnectorError, describeError } from "../errors.ts";
import type { Files } from "../runtime.ts";
import type { AdminClient } from "./admin_client.ts";
import { readInputText } from "./input_file.ts";
import { type CliIo, type ExitCode, UsageError } from "./io.ts";
import { type Format, printable, printResult } from "./output.ts";

export interface ReceiptContext {
  readonly client: AdminClient;
  readonly io: CliIo;
  readonly format: Format;
}

/** @param output where to; standard output without one */
export async function exportReceipt(
  { client, io, format }: ReceiptContext,
  id: string,
  output: { readonly path: string; readonly files: Pick<Files, "replaceDurably"> } | null,
): Promise<ExitCode> {
  const found = await client.receipt(id);
  if (!output) {
    printResult(io, format, found, () => [printable(found.receipt)]);
    return 0;
  }
  try {
    await output.files.replaceDurably(output.path, encodeUtf8(`${found.receipt}\n`));
  } catch (error) {
    throw new UsageError(
      `cannot write ${output.path}: ${describeError(error)}; without --output-file it is printed`,
    );
  }
  printResult(io, format, { ...found, file: output.path }, () => [`Written to ${output.path}`]);
  return 0;
}

export async function printKey({ client, io, format }: ReceiptContext): Promise<ExitCode> {
  const jwk = await client.key();
  printResult(io, format, jwk, () => [pemOf(jwk)]);
  return 0;
}

export interface VerifyReceiptOptions {
  /** Paths. */
  readonly file: string;
  readonly key: string;
  readonly output: Format;
}

/** 0 verified, 1 refused, 2 wrong usage. */
export async function runVerifyReceipt(
  { file, key, output }: VerifyReceiptOptions,
  io: Pick<CliIo, "readFile" | "print" | "printError">,
): Promise<ExitCode> {
  const text = await readInputText(io, file);
  const keyText = await readInputText(io, key);
  try {
    const receipt = await verifyReceipt(text, await readReceiptKey(keyText));
    printResult(io, output, { verified: true, file, receipt }, () => describe(receipt, file));
    return 0;
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    const { code, message, hint } = error;
    const result = { verified: false, file, code, message, hint: hint ?? null };
    printResult(io, output, result, () => []);
    if (output !== "text") return 1;
    io.printError(`REFUSED ${code}: ${message}`);
    if (hint !== undefined) io.printError(`  ${hint}`);
    return 1;
  }
}

function describe(receipt: ReceiptPayload, file: string): string[] {
  const { name, stream, sequence, planDigest, approvals, auditSequence } = receipt;
  const fields: [string, string | null][] = [
    ["execution", receipt.executionId],
    ["package", name && `${name} (stream ${stream}, sequence ${sequence})`],
    ["digest", receipt.digest],
    ["cluster", receipt.clusterId],
    ["state", receipt.state],
    ["reason", `${receipt.reason}${receipt.code ? ` [${receipt.code}]` : ""}`],
    ["plan", planDigest],
    ...approvals.map(({ approver, atMs }): [string, string] => [
      "approved",
      `by ${approver} at ${new Date(atMs).toISOString()}`,
    ]),
    ["at", new Date(receipt.atMs).toISOString()],
    ["audit", auditSequence === null ? null : `record ${auditSequence}`],
  ];
  return [
    `Verified OK: ${file}`,
    ...fields.filter(([, value]) => value !== null)
      .map(([label, value]) => `  ${label.padEnd(10)}${printable(value!)}`),
  ];
}

function pemOf(jwk: ConnectorJwk): string {
  const key = createPublicKey({ key: { ...jwk }, format: "jwk" });
  return String(key.export({ type: "spki", format: "pem" })).trimEnd();
}
