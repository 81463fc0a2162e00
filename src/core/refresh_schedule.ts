/** When something that expires is renewed: around two thirds of its life, never all at once. */

const EARLIEST = 0.6;
const SPREAD = 0.1;

/** From 60 % to 70 % of the lifetime. @param fraction uniform in [0, 1) */
export function refreshDelayMs(lifetimeMs: number, fraction: number): number {
  return Math.max(1, Math.floor(lifetimeMs * (EARLIEST + SPREAD * fraction)));
}
