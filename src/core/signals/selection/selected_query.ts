/** What a query selects: one PromQL expression, or the union of several series selectors. */
import { fillNode } from "./promql_text.ts";

/** Names of labels. `keep` is without effect when empty. */
export interface LabelRules {
  readonly drop: readonly string[];
  readonly keep: readonly string[];
  readonly hash: readonly string[];
}

export interface SelectedQuery {
  readonly name: string;
  /** PromQL; of a query with several selectors the text that stands for all of them. */
  readonly expr: string;
  /** Series selectors, of which the union is meant; instead of `expr`. */
  readonly match?: readonly string[] | undefined;
  /** Milliseconds. */
  readonly step: number;
  /** `node`: asked by each node for itself, with its name for `$node`. Default: cluster. */
  readonly scope?: "cluster" | "node" | undefined;
  readonly labels?: LabelRules | undefined;
  /** Over the default of all queries. */
  readonly maxSeries?: number | undefined;
}

/**
 * One text for several selectors, the same in whatever order they are written. One alone is PromQL
 * already; several are written as for /federate: no PromQL says their union, since `or` matches series
 * without regard to their names.
 */
export function joinSelectors(match: readonly string[]): string {
  const sorted = [...new Set(match.map((text) => text.trim()))].sort();
  return sorted.length === 1 ? sorted[0]! : sorted.map((text) => `match[]=${text}`).join("&");
}

/**
 * What to ask for, one after the other.
 * @param node fills `$node` in; without effect on a query of the whole cluster
 * Throws StalledError `config_invalid` when `node` cannot be a node's name.
 */
export function textsOf(
  { expr, match, scope }: Pick<SelectedQuery, "expr" | "match" | "scope">,
  node?: string,
): readonly string[] {
  const texts = match ?? [expr];
  return scope === "node" && node !== undefined ? texts.map((text) => fillNode(text, node)) : texts;
}
