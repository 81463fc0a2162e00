/**
 * Turns a schema's complaints into lines that name the path, the value and what is allowed. A value
 * that may be a secret, put where only its file's name belongs, is not repeated.
 */
import type { z } from "zod";
import { allowedKeys } from "./schema_keys.ts";

const MAX_LINES = 10;
const MAX_VALUE = 60;
const SENSITIVE = /token|secret|password|credential|private|key/i;
const TYPES: Readonly<Record<string, string>> = {
  object: "mapping",
  record: "mapping",
  array: "list",
  int: "whole number",
};
const UNITS: Readonly<Record<string, string>> = { string: " characters", array: " items" };

/**
 * One line per problem: `spec.risk: must be one of low, medium, high (is "huge")`.
 * @param schema names the allowed keys where one is unknown
 */
export function describeIssues(error: z.ZodError, input: unknown, schema?: z.ZodType): string[] {
  const lines = error.issues.flatMap((issue) => expand(issue, { input, schema }, []));
  const shown = lines.slice(0, MAX_LINES);
  return lines.length > shown.length
    ? [...shown, `… and ${lines.length - shown.length} more`]
    : shown;
}

type Issue = z.core.$ZodIssue;

interface Context {
  readonly input: unknown;
  readonly schema: z.ZodType | undefined;
}

function expand(issue: Issue, context: Context, prefix: readonly PropertyKey[]): string[] {
  const path = [...prefix, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const allowed = context.schema
      ? allowedKeys(context.schema, path, context.input).filter((key) => !issue.keys.includes(key))
      : [];
    const instead = allowed.length > 0 ? `, allowed are ${allowed.join(", ")}` : "";
    return issue.keys.map((key) => `${formatPath([...path, key])}: unknown field${instead}`);
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    return meantBranch(issue.errors).flatMap((inner) => expand(inner, context, path));
  }
  const value = valueAt(path, context.input);
  return [`${formatPath(path)}: ${describe(issue, value)}${formatValue(path, value, issue)}`];
}

/** The branch that was meant knows the most keys, got furthest, and has the least to complain of. */
function meantBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] {
  const rank = (issues: readonly Issue[]) => [
    issues.reduce((sum, issue) => sum + unknownKeys(issue), 0),
    -Math.max(...issues.map((issue) => issue.path.length)),
    issues.length,
  ];
  const isBetter = (a: number[], b: number[]) => {
    const first = a.findIndex((part, index) => part !== b[index]);
    return first >= 0 && a[first]! < b[first]!;
  };
  return branches.reduce((best, branch) => isBetter(rank(branch), rank(best)) ? branch : best);
}

function unknownKeys(issue: Issue): number {
  return issue.code === "unrecognized_keys" && issue.path.length === 0 ? issue.keys.length : 0;
}

function describe(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case "invalid_value":
      return oneOf(issue.values, value);
    case "invalid_union": {
      const { options } = issue as { options?: unknown };
      return Array.isArray(options) ? oneOf(options, value) : "is not of any allowed form";
    }
    case "invalid_type":
      return issue.message.endsWith("received undefined")
        ? "is missing"
        : `must be of type ${TYPES[issue.expected] ?? issue.expected}`;
    case "too_small":
      return bound(issue.inclusive === false ? "more than" : "at least", issue.minimum, issue);
    case "too_big":
      return bound(issue.inclusive === false ? "less than" : "at most", issue.maximum, issue);
    default:
      return issue.message.replace(/^Invalid \w+: /, "");
  }
}

function oneOf(values: readonly unknown[], value: unknown): string {
  const start = value === undefined ? "is missing, must be" : "must be";
  return `${start} ${values.length > 1 ? "one of " : ""}${values.join(", ")}`;
}

function bound(relation: string, limit: number | bigint, { origin }: { origin: string }): string {
  const unit = UNITS[origin];
  return `must ${unit ? "have" : "be"} ${relation} ${limit}${unit ?? ""}`;
}

function formatPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "(top)";
  return path.map((part, index) =>
    typeof part === "number" ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`
  ).join("");
}

function valueAt(path: readonly PropertyKey[], input: unknown): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, part)
        ? (value as Record<PropertyKey, unknown>)[part]
        : undefined,
    input,
  );
}

function formatValue(path: readonly PropertyKey[], value: unknown, issue: Issue): string {
  if (value === undefined) return "";
  if (typeof value === "object" && value !== null) {
    if (issue.code !== "invalid_type") return "";
    return ` (is a ${Array.isArray(value) ? "list" : "mapping"})`;
  }
  if (path.some((part) => SENSITIVE.test(String(part)))) return "";
  const text = JSON.stringify(typeof value === "string" ? withoutCredentials(value) : value);
  return ` (is ${text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text})`;
}

/** A refused URL is shown, but not the password or the query in it. */
function withoutCredentials(text: string): string {
  return text.replace(/^(\w+:\/\/)[^\s]*@/, "$1…@").replace(/^(\w+:\/\/[^?]*)\?.*/s, "$1?…");
}
