let origin = performance.timeOrigin;

/** Milliseconds since the epoch with their fractions. Two processes that anchored just now can compare it. */
export function epochMs(): number {
  return origin + performance.now();
}

/** The system's clock is steered, and runs away from `performance` by seconds within an hour on some machines. */
export function anchorEpoch(): void {
  origin = Date.now() - performance.now();
}
