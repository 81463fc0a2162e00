/** `executions list|show|approve|reject`: what waits for a person, and what that person says. */
import { styleText } from "node:util";
import { formatDuration } from "../core/duration.ts";
import { formatPlan } from "../core/plan.ts";
import type { ExecutionState } from "../core/protocol.ts";
import type { ExecutionDescription, ExecutionSummary } from "../http/execution_view.ts";
import type { AdminClient } from "./admin_client.ts";
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
  readonly approver: string;
}

export async function approveExecution(
  context: ExecutionsContext,
  id: string,
  { planDigest, yes, approver }: ApproveOptions,
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
    const answer = io.ask(`Approve this plan as ${approver}? [y/N]`);
    if (!/^y(es)?$/i.test(answer?.trim() ?? "")) {
      io.printError("Not approved.");
      return 1;
    }
  }
  const approved = await client.approve(id, digest, approver);
  printResult(
    io,
    format,
    approved,
    () => [printable(`${id} ${approved.state}: ${approved.reason}`)],
  );
  return 0;
}

export async function rejectExecution(
  { client, io, format }: ExecutionsContext,
  id: string,
  approver: string,
  reason: string,
): Promise<ExitCode> {
  const rejected = await client.reject(id, approver, reason);
  printResult(
    io,
    format,
    rejected,
    () => [printable(`${id} ${rejected.state}: ${rejected.reason}`)],
  );
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
    ...execution.approvals.map(({ approver, atMs }): [string, string] => [
      "Approved",
      `by ${printable(approver)} at ${new Date(atMs).toISOString()}`,
    ]),
    ...(execution.plan ? [["Plan", execution.plan.digest] as [string, string]] : []),
  ];
  return [
    ...fields.map(([name, value]) => `${`${name}:`.padEnd(11)}${value}`),
    ...(execution.plan ? formatPlan(execution.plan).map((line) => `  ${printable(line)}`) : []),
  ];
}
