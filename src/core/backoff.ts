/** Exponential backoff with full jitter, bounded below by what the peer asked for. */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
}

export const DEFAULT_BACKOFF: BackoffOptions = { baseMs: 1000, maxMs: 60_000 };

/**
 * @param attempt 0 for the first retry
 * @param fraction uniform in [0, 1)
 * @param retryAfterMs the peer's Retry-After, if any; never shortened, clamped to five minutes
 */
export function backoffMs(
  attempt: number,
  fraction: number,
  retryAfterMs: number | undefined,
  { baseMs, maxMs }: BackoffOptions = DEFAULT_BACKOFF,
): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
  const jittered = Math.ceil(fraction * ceiling);
  return Math.max(jittered, Math.min(retryAfterMs ?? 0, 300_000), 1);
}
