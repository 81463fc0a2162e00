/** Now, in milliseconds since the epoch with their fractions: two processes of one machine can compare it. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}
