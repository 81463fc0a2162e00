/** The figures for people and for machines. Pure. */
import { type AgainstCalls, LIMIT } from "./against_calls.ts";
import { type AgainstShell, LEAST } from "./against_shell.ts";
import type { JournalSize } from "./journal.ts";
import type { VerificationRate } from "./verification.ts";

export interface Report {
  /** ISO 8601. */
  readonly at: string;
  readonly machine: { readonly cores: number; readonly platform: string; readonly deno: string };
  /** Name and version; null where there was none. */
  readonly apiServer: string | null;
  readonly calls: AgainstCalls | null;
  readonly shell: AgainstShell | null;
  readonly verification: readonly VerificationRate[];
  readonly journal: readonly JournalSize[];
  /** What could not be measured, and why. */
  readonly left: readonly string[];
}

export function formatReport(report: Report): string {
  const { at, machine, apiServer, calls, shell, verification, journal, left } = report;
  const { cores, platform, deno } = machine;
  return [
    `${at}, ${cores} cores, ${platform}, Deno ${deno}; ${apiServer ?? "no API server"} on loopback`,
    ...(calls ? [formatCalls(calls)] : []),
    ...(shell ? [formatShell(shell)] : []),
    formatVerification(verification),
    formatJournal(journal),
    ...left.map((reason) => `Left out: ${reason}`),
  ].join("\n\n");
}

function formatCalls(calls: AgainstCalls): string {
  const { fromReceived, fromSent, dryRunAndApply, getDryRunAndApply, ratio, ratioWithGet } = calls;
  const row = (
    what: string,
    { p50, p99 }: { p50: number; p99: number },
  ) => [what, ms(p50), ms(p99)];
  const times = (what: string, { p50, p99 }: { p50: number; p99: number }) => [
    what,
    p50.toFixed(2),
    p99.toFixed(2),
  ];
  const isHeld = ratio.p50 <= LIMIT && ratio.p99 <= LIMIT;
  return [
    `A package of one Deployment, auto mode, ${fromReceived.runs} runs each, in turns`,
    columns([
      ["", "p50", "p99"],
      row("bare calls: dry run, apply", dryRunAndApply),
      row("bare calls: GET, dry run, apply", getDryRunAndApply),
      row("connector: request at the listener → answer to the apply", fromReceived),
      row("connector: request sent → answer to the apply", fromSent),
      times(`ratio to dry run, apply (limit ${LIMIT}: ${isHeld ? "held" : "NOT held"})`, ratio),
      times("ratio to GET, dry run, apply", ratioWithGet),
    ]),
    `Its calls: ${calls.calls.join(", ")}; at p50 ${ms(calls.withCallMs)} with a call under way, ` +
    `${ms(calls.withoutCallMs)} without, ${
      ms(calls.cpuMs)
    } of processors. The wait until healthy comes after.`,
  ].join("\n");
}

function formatShell(shell: AgainstShell): string {
  const { runs, connectorMs, shellMs, timesFaster, timesFasterAtMost } = shell;
  const verdict = timesFaster >= LEAST ? "held" : "NOT held";
  return [
    `cosign verify-blob && kubectl apply --server-side of the same package, ${runs} runs each, p50`,
    columns([
      ["shell", ms(shellMs)],
      ["connector: request sent → answer to the apply", ms(connectorMs)],
      [`times faster (at least ${LEAST}: ${verdict})`, timesFaster.toFixed(1)],
      ["times faster that the bare dry run and apply would be", timesFasterAtMost.toFixed(1)],
    ]),
  ].join("\n");
}

function formatVerification(rates: readonly VerificationRate[]): string {
  return `Verifications per second on one core, and how many bare crypto.verify each one costs\n${
    columns([
      ["", "whole", "bare", "ratio"],
      ...rates.map(({ what, verifiedPerSecond, bareVerifiesPerSecond, ratio }) => [
        what,
        verifiedPerSecond.toFixed(0),
        bareVerifiesPerSecond.toFixed(0),
        ratio.toFixed(1),
      ]),
    ])
  }`;
}

function formatJournal(sizes: readonly JournalSize[]): string {
  const growth = (read: (size: JournalSize) => number) =>
    `${(read(sizes.at(-1)!) / read(sizes[0]!)).toFixed(1)} ×`;
  return `The journal, by the executions that have ended\n${
    columns([
      ["", "opened in", "newest 10 listed in", "RSS"],
      ...sizes.map(({ ended, openMs, listMs, rssMiB }) => [
        String(ended),
        ms(openMs),
        ms(listMs),
        `${rssMiB.toFixed(0)} MiB`,
      ]),
      [
        "growth",
        growth((size) => size.openMs),
        growth((size) => size.listMs),
        growth((size) => size.rssMiB),
      ],
    ])
  }`;
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)} ms`;
}

/** The first column to the left, the figures to the right. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
      ).join("   ").trimEnd()
    )
    .map((line) => `  ${line}`)
    .join("\n");
}
