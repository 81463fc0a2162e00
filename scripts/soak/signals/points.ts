/** Points by series and time, from whomever they come: what two of them are compared by. Pure. */

/** A number, or NaN, +Inf and -Inf as text. */
export type Value = number | "NaN" | "+Inf" | "-Inf";
/** By series' labels, then by epoch ms. */
export type Points = Map<string, Map<number, Value>>;

export interface RangeSeries {
  readonly metric: Readonly<Record<string, string>>;
  /** Seconds and text. */
  readonly values: readonly (readonly [number, string])[];
}

export function labelKey(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => a < b ? -1 : 1));
}

export function putPoint(
  points: Points,
  labels: Readonly<Record<string, string>>,
  timestampMs: number,
  value: Value,
): void {
  const key = labelKey(labels);
  const series = points.get(key) ?? new Map<number, Value>();
  series.set(timestampMs, value);
  points.set(key, series);
}

/** Of an answer's matrix. @param names whether a metric's name is one of its labels */
export function putSeries(
  points: Points,
  all: readonly RangeSeries[],
  { names = true }: { readonly names?: boolean } = {},
): void {
  for (const { metric: { __name__: name, ...labels }, values } of all) {
    const metric = names && name !== undefined ? { ...labels, __name__: name } : labels;
    for (const [seconds, text] of values) {
      const isSpecial = text === "NaN" || text === "+Inf" || text === "-Inf";
      putPoint(points, metric, Math.round(seconds * 1000), isSpecial ? text : Number(text));
    }
  }
}
