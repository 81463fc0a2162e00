/** The labels under which a receiver keeps a series. */
import type { Labels } from "../series_handler.ts";

type Label = Labels[number];
const NAME = "__name__";

/**
 * What a rule's `record` is for a rule: the name of series that an expression left without one. The
 * query's own name, with _ for what a metric's name must not hold.
 */
export function metricName(query: string): string {
  const name = query.replaceAll(/[^a-zA-Z0-9_:]/g, "_");
  return /^[0-9]/.test(name) ? `_${name}` : name;
}

export class SeriesLabels {
  readonly #external: Labels;

  /** @param external are added where a series has no such label */
  constructor(external: Readonly<Record<string, string>>, private readonly unnamed: string) {
    this.#external = Object.entries(external);
  }

  /** In the order of their names' bytes, each once, none empty. */
  of(labels: Labels): Labels {
    const present = new Set<string>();
    const complete: Label[] = [];
    for (const label of labels) {
      if (label[1] === "") continue;
      present.add(label[0]);
      complete.push(label);
    }
    if (!present.has(NAME)) complete.push([NAME, this.unnamed]);
    for (const label of this.#external) {
      if (!present.has(label[0]) && label[1] !== "") complete.push(label);
    }
    return complete.sort(([a], [b]) => compareBytes(a, b));
  }
}

/** As UTF-8 bytes compare. UTF-16 units do too, but for those of pairs, which stand for what comes last. */
function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
