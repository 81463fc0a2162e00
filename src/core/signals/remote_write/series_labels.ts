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
  /** In the order of their names. */
  readonly #added: Labels;

  /** @param external are added where a series has no such label */
  constructor(external: Readonly<Record<string, string>>, unnamed: string) {
    this.#added = Object.entries({ [NAME]: unnamed, ...external })
      .sort(([a], [b]) => compareBytes(a, b));
  }

  /**
   * In the order of their names' bytes, each once, none empty.
   * @param labels as `SeriesHandler.begin` gets them
   */
  of(labels: Labels): Labels {
    const complete: Label[] = [];
    const added = this.#added;
    let next = 0;
    for (const label of labels) {
      if (label[1] === "") continue;
      const name = label[0];
      while (next < added.length && added[next]![0] < name) complete.push(added[next++]!);
      if (added[next]?.[0] === name) next += 1;
      complete.push(label);
    }
    while (next < added.length) complete.push(added[next++]!);
    return labels.some(([name]) => isHigh(name))
      ? complete.sort(([a], [b]) => compareBytes(a, b))
      : complete;
  }
}

/** Whether it may have another place among bytes than among UTF-16 units. */
function isHigh(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0xd800) return true;
  return false;
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
