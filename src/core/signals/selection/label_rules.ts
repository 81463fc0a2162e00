/** What of a series' labels leaves the cluster. */
import type { Labels } from "../series_handler.ts";
import type { LabelRules } from "./selected_query.ts";

/** The metric's name: no rule takes it away. */
export const METRIC_NAME = "__name__";

export type RewriteLabels = (labels: Labels) => Labels;

export function hasRules({ drop, keep, hash }: LabelRules): boolean {
  return drop.length + keep.length + hash.length > 0;
}

/**
 * Drops, then hashes. Labels that stay keep their order.
 * @param hash of a label's value
 */
export function rewriteBy(rules: LabelRules, hash: (value: string) => string): RewriteLabels {
  const drop = new Set(rules.drop);
  const keep = new Set(rules.keep);
  const hashed = new Set(rules.hash);
  const stays = (name: string) =>
    name === METRIC_NAME || (!drop.has(name) && (keep.size === 0 || keep.has(name)));
  return (labels) =>
    labels.filter(([name]) => stays(name)).map((label) =>
      hashed.has(label[0]) ? [label[0], hash(label[1])] as const : label
    );
}
