/**
 * Between decoder and packer: labels by the query's rules, no series twice, and no more of them than
 * agreed. Whatever is left out is counted, and becomes a gap beside the window's data.
 */
import { decodeUtf8 } from "../../encoding.ts";
import { encodeLabels } from "../answer/label_reader.ts";
import { makeGap } from "../gap_ledger.ts";
import type { Gap, HistogramPoint } from "../../protocol.ts";
import type { Labels, LabelsText, SeriesHandler } from "../series_handler.ts";
import type { Window } from "../windows.ts";
import type { Admission } from "./admission.ts";
import type { RewriteLabels } from "./label_rules.ts";
import { seriesKey } from "./series_key.ts";

export interface SelectionOptions {
  readonly window: Window;
  readonly maxSeries: number;
  /** Of the query; the same for all of its windows. */
  readonly admission: Admission;
  /** null where the labels stay as they are. */
  readonly rewrite: RewriteLabels | null;
  /** Several answers come for the window, and a series may be in more than one. */
  readonly isUnion: boolean;
}

export type DroppedReason = "series_limit" | "label_collision";

const MAX_EXAMPLE = 300;

/** Of one window. */
export class Selection implements SeriesHandler {
  /** Rules need the labels themselves. */
  readonly takesText: boolean;
  /** What is sent, as the source has it. */
  readonly #given = new Set<string>();
  /** What is not, as far as there is room: it may be without number, and is counted twice then. */
  readonly #leftOut = new Set<string>();
  /** What is sent, by the labels that it is sent with. */
  readonly #sent = new Set<string>();
  readonly #dropped = new Map<DroppedReason, { count: number; example: string }>();
  #offered = 0;

  constructor(private readonly options: SelectionOptions, private readonly next: SeriesHandler) {
    this.takesText = options.rewrite === null && (next.takesText ?? false);
    options.admission.open(options.window);
  }

  begin(labels: Labels, text: LabelsText = encodeLabels(labels)): boolean {
    const { rewrite, isUnion } = this.options;
    const given = isUnion ? seriesKey(text) : null;
    if (given !== null && (this.#given.has(given) || this.#leftOut.has(given))) return false;
    this.#offered += 1;
    const sent = rewrite ? rewrite(labels) : labels;
    const sentText = rewrite ? encodeLabels(sent) : text;
    const reason = this.#refuse(rewrite || given === null ? seriesKey(sentText) : given);
    if (reason) {
      if (given !== null && this.#leftOut.size < this.options.maxSeries) this.#leftOut.add(given);
      this.#count(reason, sentText);
      return false;
    }
    if (given !== null) this.#given.add(given);
    return this.next.begin(sent, sentText);
  }

  float(index: number, bytes: Uint8Array, from: number, to: number): void {
    this.next.float(index, bytes, from, to);
  }

  histogram(point: HistogramPoint): void {
    this.next.histogram(point);
  }

  end(): void {
    this.next.end();
  }

  drain(): Promise<void> {
    return this.next.drain();
  }

  /** How many different series the source had for the window. */
  get offered(): number {
    return this.#offered;
  }

  /** How many of them were left out, by reason. */
  get dropped(): ReadonlyMap<DroppedReason, number> {
    return new Map([...this.#dropped].map(([reason, { count }]) => [reason, count]));
  }

  /** What was left out, for the ledger; to be read once all series have come. */
  gaps(): Gap[] {
    const { window, maxSeries } = this.options;
    return [...this.#dropped].map(([reason, { count, example }]) => {
      const share = `${inWords(count)} of ${inWords(this.#offered)} series`;
      const why = reason === "series_limit"
        ? `beyond maxSeries ${inWords(maxSeries)}`
        : "are the same as another by the rules for labels";
      return makeGap(window, reason, `${share} ${why}, e.g. ${example}`);
    });
  }

  /** Why a series is left out; null, once for each, when it is sent. */
  #refuse(key: string): DroppedReason | null {
    const { admission, rewrite } = this.options;
    if (!admission.admit(key)) return "series_limit";
    if (rewrite === null) return null;
    if (this.#sent.has(key)) return "label_collision";
    this.#sent.add(key);
    return null;
  }

  #count(reason: DroppedReason, text: LabelsText): void {
    const known = this.#dropped.get(reason);
    if (known) known.count += 1;
    else this.#dropped.set(reason, { count: 1, example: describe(text) });
  }
}

/** As PromQL writes a selector. */
function describe({ bytes, from, to }: LabelsText): string {
  const labels: Record<string, string> = JSON.parse(decodeUtf8(bytes.subarray(from, to)));
  const matchers = Object.entries(labels)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const text = `{${matchers.join(", ")}}`;
  return text.length > MAX_EXAMPLE ? `${text.slice(0, MAX_EXAMPLE)}…` : text;
}

function inWords(count: number): string {
  return count.toLocaleString("en-US");
}
