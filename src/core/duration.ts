/** Durations as Prometheus and Kubernetes users write them: `90s`, `5m`, `1h30m`, `250ms`, `7d`. */
const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const SHAPE = /^(?:\d+(?:ms|s|m|h|d))+$/;
const PART = /(\d+)(ms|s|m|h|d)/g;

/** Milliseconds, or null when the text is no duration. */
export function parseDuration(text: string): number | null {
  if (!SHAPE.test(text)) return null;
  let total = 0;
  for (const [, count, unit] of text.matchAll(PART)) {
    total += Number(count) * UNITS[unit as keyof typeof UNITS];
  }
  return Number.isSafeInteger(total) ? total : null;
}

/** The two largest units, for people: 93_784_000 → `1d2h`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`;
  let rest = Math.floor(ms / 1000) * 1000;
  const parts: string[] = [];
  for (const unit of ["d", "h", "m", "s"] as const) {
    const count = Math.floor(rest / UNITS[unit]);
    rest -= count * UNITS[unit];
    if (count > 0) parts.push(`${count}${unit}`);
  }
  return parts.slice(0, 2).join("");
}
