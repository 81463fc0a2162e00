/** The plan: what a package would change here and now. Its digest is what a person approves. */
import { canonicalDigest } from "./canonical_json.ts";
import type { FieldChange } from "./diff.ts";
import { formatRef, type Json, type ObjectRef } from "./kubernetes_object.ts";
import type { ActionKind } from "./work_package.ts";

export type PlanVerb = "create" | "change" | "delete" | "unchanged";

export interface PlanEntry {
  readonly action: ActionKind;
  readonly verb: PlanVerb;
  readonly ref: ObjectRef;
  /** uid of the object that is there now; null when there is none. A replaced object is another plan. */
  readonly uid: string | null;
  readonly changes: readonly FieldChange[];
  /** Warning headers of the API server. */
  readonly warnings: readonly string[];
}

export interface Plan {
  readonly digest: string;
  readonly entries: readonly PlanEntry[];
  readonly plannedAtMs: number;
}

/** The digest covers the package and every entry, but no time: the same change has the same digest. */
export function sealPlan(
  packageDigest: string,
  entries: readonly PlanEntry[],
  plannedAtMs: number,
): Plan {
  return { digest: canonicalDigest({ packageDigest, entries }), entries, plannedAtMs };
}

const SIGNS: Record<PlanVerb, string> = { create: "+", change: "~", delete: "-", unchanged: "=" };
const MAX_VALUE = 120;

/** Lines for a terminal, in the manner of `kubectl diff`. */
export function formatPlan(plan: Plan): string[] {
  return plan.entries.flatMap((entry) => [
    `${SIGNS[entry.verb]} ${entry.verb} ${formatRef(entry.ref)} (${entry.action})`,
    ...(entry.verb === "delete" ? [] : entry.changes.flatMap(formatChange)),
    ...entry.warnings.map((warning) => `    warning: ${warning}`),
  ]);
}

function formatChange({ path, from, to, lines = [] }: FieldChange): string[] {
  const change = from === undefined
    ? `    + ${path}: ${show(to)}`
    : to === undefined
    ? `    - ${path}: ${show(from)}`
    : `    ~ ${path}: ${show(from)} → ${show(to)}`;
  return [change, ...lines.map((line) => `        ${line}`)];
}

function show(value: Json | undefined): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  const line = text.replaceAll(/\s+/g, " ");
  const cut = line.length - MAX_VALUE;
  return cut > 0 ? `${line.slice(0, MAX_VALUE)}… (${cut} more characters: -o yaml)` : line;
}
