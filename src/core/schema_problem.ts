/** Turns a schema's complaints into lines that name the path, the value and what is allowed. */
import type { z } from "zod";

const MAX_LINES = 10;
const MAX_VALUE = 60;

/** One line per problem: `spec.risk: must be one of low, medium, high (is "huge")`. */
export function describeIssues(error: z.ZodError, input: unknown): string[] {
  const lines = error.issues.flatMap((issue) => expand(issue, input, []));
  const shown = lines.slice(0, MAX_LINES);
  return lines.length > shown.length
    ? [...shown, `… and ${lines.length - shown.length} more`]
    : shown;
}

function expand(issue: z.core.$ZodIssue, input: unknown, prefix: PropertyKey[]): string[] {
  const path = [...prefix, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `${formatPath([...path, key])}: unknown field`);
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    // The branch that got furthest is the one that was meant.
    const best = issue.errors.reduce((a, b) => depth(b) > depth(a) || b.length < a.length ? b : a);
    return best.flatMap((inner) => expand(inner, input, path));
  }
  return [`${formatPath(path)}: ${describe(issue)}${formatValue(path, input)}`];
}

function depth(issues: readonly z.core.$ZodIssue[]): number {
  return Math.max(...issues.map((issue) => issue.path.length));
}

function describe(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_value":
      return `must be ${issue.values.length > 1 ? "one of " : ""}${issue.values.join(", ")}`;
    case "invalid_type":
      return issue.message.includes("undefined")
        ? "is missing"
        : `must be of type ${issue.expected}`;
    case "invalid_format":
    case "custom":
      return issue.message;
    default:
      return issue.message.replace(/^Invalid input: /, "");
  }
}

function formatPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "(top)";
  return path.map((part, index) =>
    typeof part === "number" ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`
  ).join("");
}

function formatValue(path: readonly PropertyKey[], input: unknown): string {
  let value: unknown = input;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return "";
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  if (value === undefined || (typeof value === "object" && value !== null)) return "";
  const text = JSON.stringify(value);
  return ` (is ${text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text})`;
}
