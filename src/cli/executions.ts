/** `executions list|show|approve|reject|approval`: what waits for a person, and what that person says. */
import { styleText } from "node:util";
import { formatApprover } from "../core/approval.ts";
import { canonicalJson } from "../core/canonical_json.ts";
import { formatDuration } from "../core/duration.ts";
import { encodeBase64 } from "../core/encoding.ts";
import { formatPlan } from "../core/plan_text.ts";
import { parseBundleBytes } from "../core/verification/bundle.ts";
import type { ExecutionState } from "../core/protocol.ts";
import type { ExecutionDescription, ExecutionSummary } from "../http/execution_view.ts";
import type { AdminClient } from "./admin_client.ts";
import { readInput } from "./input_file.ts";
import { type CliIo, type ExitCode, UsageError } from "./io.ts";
import { type Format, formatTable, printable, printResult } from "./output.ts";

export interface ExecutionsContext {
  readonly client: AdminClient;
  readonly io: CliIo;
  readonly format: Format;
  readonly nowMs: number;
}

const HEADINGS = ["ID", "STATE", "AGE", "RISK", "SIGNER", "NAME", "STREAM", "SEQ"];

export interface ListingOptions {
  readonly limit: number;
  readonly state?: string;
}

export async function listExecutions(
  { client, io, format, nowMs }: ExecutionsContext,
  options: ListingOptions,
): Promise<ExitCode> {
  const listing = await client.list(options);
  const { executions, hasMore } = listing;
  printResult(
    io,
    format,
    listing,
    () =>
      executions.length === 0
        ? ["No executions."]
        : formatTable(HEADINGS, executions.map((one) => row(one, nowMs))),
  );
  if (hasMore) {
    io.printError(`These are the newest ${executions.length}; there are older ones: see --limit.`);
  }
  return 0;
}

export async function showExecution(context: ExecutionsContext, id: string): Promise<ExitCode> {
  const execution = await context.client.show(id);
  printResult(context.io, context.format, execution, () => describe(execution, context));
  return 0;
}

export interface ApproveOptions {
  /** Approves only this plan, without asking. */
  readonly planDigest?: string;
  /** Approves the plan as it is now, without asking. */
  readonly yes: boolean;
}

export async function approveExecution(
  context: ExecutionsContext,
  id: string,
  { planDigest, yes }: ApproveOptions,
): Promise<ExitCode> {
  const { client, io, format } = context;
  const execution = await client.show(id);
  const digest = planDigest ?? execution.plan?.digest ?? "";
  if (planDigest === undefined && !yes && execution.state === "pending_approval") {
    if (!io.isInteractive) {
      throw new UsageError("say which plan is approved: --plan-digest sha256:…, or --yes");
    }
    // Beside a result for programs, the plan is for the person only.
    const show = format === "text" ? io.print : io.printError;
    describe(execution, context).forEach((line) => show(line));
    const answer = io.ask("Approve this plan? [y/N]");
    if (!/^y(es)?$/i.test(answer?.trim() ?? "")) {
      io.printError("Not approved.");
      return 1;
    }
  }
  return printOutcome(context, await client.approve(id, digest));
}

/** A signed decision, an approval or a rejection, as it came back from whoever signed it. Paths. */
export interface SignedFiles {
  readonly document: string;
  readonly bundle: string;
}

/** Carries a signed decision to the connector: its signature counts, not who brings it. */
export async function sendSigned(
  context: ExecutionsContext,
  id: string,
  files: SignedFiles,
): Promise<ExitCode> {
  const document = await readInput(context.io, files.document);
  const bundle = parseBundleBytes(await readInput(context.io, files.bundle));
  const request = {
    document: encodeBase64(document),
    bundle: bundle as unknown as Record<string, unknown>,
  };
  return printOutcome(context, await context.client.sendSigned(id, request));
}

/** Prints the one line that a person signs: `… > approval.json`, then `cosign sign-blob`. */
export async function prepareApproval(
  { client, io, format }: ExecutionsContext,
  id: string,
  rejection: string | undefined,
): Promise<ExitCode> {
  const document = await client.approvalDocument(id, {
    decision: rejection === undefined ? "approve" : "reject",
    reason: rejection ?? "",
  });
  printResult(io, format, document, () => [canonicalJson(document)]);
  return 0;
}

export async function rejectExecution(
  context: ExecutionsContext,
  id: string,
  reason: string,
): Promise<ExitCode> {
  return printOutcome(context, await context.client.reject(id, reason));
}

function printOutcome(
  { io, format }: ExecutionsContext,
  outcome: ExecutionDescription,
): ExitCode {
  const { id, state, reason } = outcome;
  printResult(io, format, outcome, () => [printable(`${id} ${state}: ${reason}`)]);
  return 0;
}

function row(one: ExecutionSummary, nowMs: number): string[] {
  return [
    one.id,
    one.state,
    formatDuration(nowMs - Date.parse(one.since)),
    one.risk,
    one.signer,
    one.name,
    one.stream,
    String(one.sequence),
  ];
}

const COLOURS: Partial<Record<ExecutionState, "green" | "red" | "yellow">> = {
  succeeded: "green",
  pending_approval: "yellow",
  failed: "red",
  refused: "red",
  rolled_back: "red",
  rollback_failed: "red",
};

function describe(execution: ExecutionDescription, { io }: ExecutionsContext): string[] {
  const colour = COLOURS[execution.state];
  // Whether colours are shown is known better here than by styleText, which looks at standard output.
  const state = io.hasColours && colour
    ? styleText(colour, execution.state, { validateStream: false })
    : execution.state;
  const fields: [string, string][] = [
    ["ID", execution.id],
    ["Package", `${execution.name} (stream ${execution.stream}, sequence ${execution.sequence})`],
    ["Digest", execution.digest],
    ["Signed by", printable(execution.signer)],
    ["Purpose", printable(execution.purpose)],
    ["Risk", execution.risk],
    ["State", `${state}, since ${execution.since}`],
    ["Reason", printable(`${execution.reason}${execution.code ? ` [${execution.code}]` : ""}`)],
    ["Expires", execution.expires],
    ...execution.approvals.map((approval): [string, string] => [
      "Approved",
      `by ${printable(formatApprover(approval))} at ${new Date(approval.atMs).toISOString()}`,
    ]),
    ...(execution.plan ? [["Plan", execution.plan.digest] as [string, string]] : []),
  ];
  return [
    ...fields.map(([name, value]) => `${`${name}:`.padEnd(11)}${value}`),
    ...(execution.plan ? formatPlan(execution.plan).map((line) => `  ${printable(line)}`) : []),
  ];
}
