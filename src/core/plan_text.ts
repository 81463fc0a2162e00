/** The plan as lines for a terminal, in the manner of `kubectl diff`. */
import { structuredPatch } from "diff";
import type { FieldChange } from "./diff.ts";
import { formatRef, type Json } from "./kubernetes_object.ts";
import type { Plan, PlanVerb } from "./plan.ts";

const SIGNS: Record<PlanVerb, string> = { create: "+", change: "~", delete: "-", unchanged: "=" };
const MAX_VALUE = 120;
/** Beyond it a text is another one rather than a changed one, and is too costly to compare. */
const MAX_EDITS = 1000;
const MAX_LINES = 200;
const CONTEXT_LINES = 3;

/** Texts of several lines, and lists without keys, are shown by what is different about them. */
export function formatPlan(plan: Plan): string[] {
  return plan.entries.flatMap((entry) => [
    `${SIGNS[entry.verb]} ${entry.verb} ${formatRef(entry.ref)} (${entry.action})`,
    ...(entry.unchecked === undefined ? [] : [`    ${entry.unchecked}`]),
    ...(entry.verb === "delete" ? [] : entry.changes.flatMap(formatChange)),
    ...entry.warnings.map((warning) => `    warning: ${warning}`),
  ]);
}

function formatChange({ path, from, to, lines = [] }: FieldChange): string[] {
  return [...formatValues(path, from, to), ...lines.map((line) => `        ${line}`)];
}

function formatValues(path: string, from: Json | undefined, to: Json | undefined): string[] {
  const sign = from === undefined ? "+" : to === undefined ? "-" : "~";
  const before = linesOf(from);
  const after = linesOf(to);
  const isLong = (lines: string | null) => lines !== null && lines.trimEnd().includes("\n");
  if (before !== null && after !== null && (isLong(before) || isLong(after))) {
    const lines = differentLines(before, after);
    if (lines) return [`    ${sign} ${path}:`, ...lines.map((line) => `        ${line}`)];
  }
  if (from === undefined) return [`    + ${path}: ${show(to)}`];
  if (to === undefined) return [`    - ${path}: ${show(from)}`];
  return [`    ~ ${path}: ${show(from)} → ${show(to)}`];
}

/** A text as it is, a list with one item a line, nothing as no line; null for what has no lines. */
function linesOf(value: Json | undefined): string | null {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return null;
  return value.map((item) => `- ${show(item)}\n`).join("");
}

function differentLines(before: string, after: string): string[] | null {
  const patch = structuredPatch("", "", before, after, "", "", {
    context: CONTEXT_LINES,
    maxEditLength: MAX_EDITS,
  });
  if (!patch) return null;
  const lines = patch.hunks.flatMap(({ oldStart, newStart, lines }, index) => [
    ...(index === 0 && oldStart <= 1 && newStart <= 1 ? [] : [`@@ line ${newStart} @@`]),
    ...lines.map(cut),
  ]);
  const more = lines.length - MAX_LINES;
  return more > 0 ? [...lines.slice(0, MAX_LINES), `… (${more} more lines: -o yaml)`] : lines;
}

function show(value: Json | undefined): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  return cut(text.replaceAll(/\s+/g, " "));
}

function cut(line: string): string {
  const more = line.length - MAX_VALUE;
  return more > 0 ? `${line.slice(0, MAX_VALUE)}… (${more} more characters: -o yaml)` : line;
}
