/** Waiting for another process: for a condition, never for a time alone. */

const LIMIT_MS = 900_000;
const POLL_MS = 200;

export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  while (!await holds().catch(() => false)) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${LIMIT_MS / 1000} s`);
    await pause(POLL_MS);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
