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

/** What to ask for, one after the other. */
export function textsOf({ expr, match }: Pick<SelectedQuery, "expr" | "match">): readonly string[] {
  return match ?? [expr];
}

/**
 * The query as a node asks it: `$node` is filled in. One of the whole cluster stays as it is.
 * Throws StalledError `config_invalid` when this cannot be a node's name.
 */
export function queryOfNode<Q extends SelectedQuery>(query: Q, node: string): Q {
  if (query.scope !== "node") return query;
  const fill = (text: string) => fillNode(text, node);
  return {
    ...query,
    expr: fill(query.expr),
    ...(query.match ? { match: query.match.map(fill) } : {}),
  };
}
