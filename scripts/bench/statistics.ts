/** What is said of many measurements. Pure. */

export interface Spread {
  readonly runs: number;
  readonly p50: number;
  readonly p99: number;
}

/** Nearest rank: a value that was measured, never one between two. @param share in [0, 1] */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(Math.ceil(share * sorted.length) - 1, 0)];
  if (value === undefined) throw new RangeError("there is no quantile of nothing");
  return value;
}

export function spreadOf(values: readonly number[]): Spread {
  return { runs: values.length, p50: quantile(values, 0.5), p99: quantile(values, 0.99) };
}

export interface Ratio {
  readonly p50: number;
  readonly p99: number;
}

export function ratioOf(ours: Spread, theirs: Spread): Ratio {
  return { p50: ours.p50 / theirs.p50, p99: ours.p99 / theirs.p99 };
}
