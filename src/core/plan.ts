/** The plan: what a package would change here and now. Its digest is what a person approves. */
import { canonicalDigest } from "./canonical_json.ts";
import type { FieldChange } from "./diff.ts";
import type { ObjectRef } from "./kubernetes_object.ts";
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
  /** Why no dry run could check it; absent where one has. */
  readonly unchecked?: string;
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
