/** All that one query's windows have in common: what is asked, the rules for labels, and who has a place. */
import type { SeriesHandler } from "../series_handler.ts";
import type { Window } from "../windows.ts";
import { Admission } from "./admission.ts";
import { hasRules, rewriteBy, type RewriteLabels } from "./label_rules.ts";
import { type SelectedQuery, textsOf } from "./selected_query.ts";
import { Selection } from "./selection.ts";

export interface SelectionContext {
  /** Of queries without one of their own. */
  readonly maxSeries: number;
  /** Of a label's value; needed where a query hashes any. */
  readonly hashLabel?: ((value: string) => string) | undefined;
}

export class QuerySelection {
  readonly maxSeries: number;
  readonly #admission: Admission;
  readonly #rewrite: RewriteLabels | null;

  constructor(private readonly query: SelectedQuery, context: SelectionContext) {
    const { labels } = query;
    this.maxSeries = query.maxSeries ?? context.maxSeries;
    this.#admission = new Admission(this.maxSeries);
    this.#rewrite = labels && hasRules(labels) ? rewriteBy(labels, hashOf(query, context)) : null;
  }

  /** What to ask for, one after the other, for each window. */
  get texts(): readonly string[] {
    return textsOf(this.query);
  }

  /** Between the answers for a window and `next`. */
  over(window: Window, next: SeriesHandler): Selection {
    const options = {
      window,
      maxSeries: this.maxSeries,
      admission: this.#admission,
      rewrite: this.#rewrite,
      isUnion: (this.query.match?.length ?? 1) > 1,
    };
    return new Selection(options, next);
  }
}

function hashOf(
  { name, labels }: SelectedQuery,
  { hashLabel }: SelectionContext,
): (value: string) => string {
  if (hashLabel) return hashLabel;
  if (labels!.hash.length === 0) return (value) => value;
  // To send them as they are would be the one thing that was not asked for.
  throw new RangeError(`Query ${name} hashes labels, and there is no key for it`);
}
